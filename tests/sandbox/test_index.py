"""The index: its pages, and what it takes."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime, timedelta

import httpx
import pypi_simple
import pytest

from sandbox.upload_rules import Verdict, read_distribution, refusal

JSON = {"accept": "application/vnd.pypi.simple.v1+json"}
NAME = "lockgate-sample"
WHEEL, SDIST = "lockgate_sample-1.1.0-py3-none-any.whl", "lockgate_sample-1.1.0.tar.gz"


@pytest.fixture
def filled(world, made, tmp_path):
    """A sandbox with 1.1.0 on its index."""
    for name, content in made.distributions().items():
        (tmp_path / name).write_bytes(content)
        world.publish_file(NAME, tmp_path / name)
    return world


def page(world, **headers):
    return httpx.get(f"{world.index_url}{NAME}/", headers={**JSON, **headers})


def test_simple_json(filled, made):
    reply = page(filled)
    assert reply.headers["content-type"] == JSON["accept"]
    parsed = pypi_simple.ProjectPage.from_json_data(reply.json(), base_url=str(reply.url))
    assert parsed.versions == ["1.1.0"]
    assert {package.filename: package.size for package in parsed.packages} == {
        n: len(c) for n, c in made.distributions().items()
    }
    assert all(
        package.digests["sha256"] and package.upload_time and not package.is_yanked for package in parsed.packages
    )
    assert parsed.status == "active"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
        ("application/vnd.pypi.simple.v1+json, text/html;q=0.1", JSON["accept"]),
        ("application/vnd.pypi.simple.v1+json;q=0.1, text/html", "text/html; charset=utf-8"),
    ],
)
def test_accept_chooses_the_page(filled, accept, kind):
    assert page(filled, accept=accept).headers["content-type"] == kind


def test_simple_html(filled):
    reply = page(filled, accept="text/html")
    parsed = pypi_simple.ProjectPage.from_html(NAME, reply.text, base_url=str(reply.url))
    assert [package.filename for package in parsed.packages] == [WHEEL, SDIST]
    assert all(package.digests["sha256"] and package.requires_python == ">=3.11" for package in parsed.packages)
    assert parsed.packages[0].has_metadata


def test_names_and_routes(filled):
    reply = httpx.get(f"{filled.index_url}Lockgate_Sample/")
    assert (reply.status_code, reply.headers["location"]) == (301, f"/simple/{NAME}/")
    assert httpx.get(f"{filled.index_url}{NAME}").status_code == 301
    assert httpx.get(f"{filled.index_url}nothing/").status_code == 404
    assert httpx.get(filled.index_url, headers=JSON).json()["projects"] == [{"name": NAME}]


def test_page_is_conditional(filled):
    first = page(filled)
    assert page(filled, **{"if-none-match": first.headers["etag"]}).status_code == 304


def test_metadata_file(filled, made):
    link = page(filled).json()["files"][0]
    assert httpx.get(link["url"]).content == made.wheel()
    assert "Name: lockgate-sample" in httpx.get(f"{link['url']}.metadata").text


def test_json_api(filled):
    base = filled.index_url.removesuffix("/simple/")
    whole = httpx.get(f"{base}/pypi/{NAME}/json").json()
    one = httpx.get(f"{base}/pypi/{NAME}/1.1/json").json()
    assert list(whole["releases"]) == ["1.1.0"]
    assert one["info"]["version"] == "1.1.0"
    assert [file["filename"] for file in one["urls"]] == [WHEEL, SDIST]
    assert httpx.get(f"{base}/pypi/{NAME}/1.2/json").status_code == 404


def test_provenance_names_the_publisher(world, publish):
    publish()
    base = world.index_url.removesuffix("/simple/")
    link = page(world).json()["files"][0]["provenance"]
    assert link == f"{base}/integrity/{NAME}/1.1.0/{WHEEL}/provenance"
    publisher = httpx.get(link).json()["attestation_bundles"][0]["publisher"]
    expected = {
        "kind": "GitHub",
        "repository": world.slug,
        "workflow": "publish.yml",
        "environment": "pypi",
        "claims": None,
    }
    assert publisher == expected


def test_file_without_publisher_has_no_provenance(filled):
    assert page(filled).json()["files"][0]["provenance"] is None
    base = filled.index_url.removesuffix("/simple/")
    assert httpx.get(f"{base}/integrity/{NAME}/1.1.0/{WHEEL}/provenance").status_code == 404


def test_status_and_yank_are_shown(filled):
    filled.set_project_status(NAME, "archived")
    filled.yank(NAME, WHEEL, "broken")
    shown = page(filled).json()
    assert shown["project-status"] == {"status": "archived"}
    assert [file["yanked"] for file in shown["files"]] == ["broken", False]


def test_quarantined_project_shows_no_files(filled):
    filled.set_project_status(NAME, "quarantined")
    assert page(filled).json()["files"] == []
    assert httpx.get(f"{filled.index_url.removesuffix('/simple/')}/pypi/{NAME}/json").status_code == 404


def test_deleted_files_name_is_burned(filled, tmp_path):
    filled.delete_file(NAME, WHEEL)
    assert [file["filename"] for file in page(filled).json()["files"]] == [SDIST]
    with pytest.raises(ValueError, match="previously used by a file that has since been deleted"):
        filled.publish_file(NAME, tmp_path / WHEEL)


def test_same_bytes_again_change_nothing(filled, tmp_path):
    before = page(filled).json()
    filled.publish_file(NAME, tmp_path / WHEEL)
    assert page(filled).json() == before


def answer(filename: str, content: bytes, project: dict | None = None) -> Verdict | None:
    distribution = read_distribution(filename, content)
    return distribution if isinstance(distribution, Verdict) else refusal(project or {}, distribution, content)


def entry(content: bytes, filename: str = WHEEL, **fields: object) -> dict:
    import hashlib

    known = {
        "filename": filename,
        "sha256": hashlib.sha256(content).hexdigest(),
        "blake2_256": "b",
        "size": len(content),
    }
    known |= {"version": "1.1.0", "upload_time": datetime.now(UTC).isoformat(), "packagetype": "sdist"}
    return {**known, **fields}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (
            "Requires-Dist: foo @ https://example.com/foo.zip\n",
            "Can't have direct dependency: 'foo @ https://example.com/foo.zip'",
        ),
        ("Classifier: Private :: Do Not Upload\n", "'Private :: Do Not Upload' is not a valid classifier."),
        ("Classifier: Nonsense\n", "'Nonsense' is not a valid classifier."),
        (f"Project-URL: {'x' * 33}, https://example.com\n", "label must be 32 characters or less"),
        ("Requires-Dist: ???\n", "is invalid for 'requires-dist'"),
    ],
)
def test_metadata_that_is_refused(made, extra, words):
    verdict = answer(WHEEL, made.wheel(extra=extra))
    assert verdict.status == 400
    assert words in verdict.reason


def test_local_version_is_refused(made):
    verdict = answer("lockgate_sample-1.1.0+local-py3-none-any.whl", made.wheel(version="1.1.0+local"))
    assert verdict.reason == "The use of local versions in '1.1.0+local' is not allowed."


def test_file_rules(made):
    wheel, other = made.wheel(), made.wheel(body="x = 1\n")
    assert answer(WHEEL, wheel) is None
    assert answer(WHEEL, wheel, {"files": [entry(wheel)]}) == Verdict(200, "OK")
    exists = f"File already exists ('{WHEEL}', with blake2_256 hash 'b')."
    assert answer(WHEEL, other, {"files": [entry(wheel)]}).reason.startswith(exists)
    assert answer(WHEEL.replace("py3", "py2.py3"), wheel, {"files": [entry(wheel)]}).reason.startswith(exists)


def test_old_release_takes_no_new_files(made):
    long_ago = (datetime.now(UTC) - timedelta(days=15)).isoformat()
    project = {"files": [entry(b"x", SDIST, upload_time=long_ago)]}
    assert (
        answer(WHEEL, made.wheel(), project).reason
        == "Uploading new files to releases older than 14 days is not allowed."
    )


def test_one_sdist_per_release(made):
    project = {"files": [entry(b"x", "lockgate-sample-1.1.0.tar.gz")]}
    assert answer(SDIST, made.sdist(), project).reason == "Only one sdist may be uploaded per release."


def test_size_limits(made):
    small = {"file_limit": 10, "files": []}
    assert "File too large. Limit for project 'lockgate-sample' is 0 MB." in answer(WHEEL, made.wheel(), small).reason
    full = {"files": [entry(b"x", "other.whl", size=10 * 1024**3)]}
    assert "total size is 10 GB" in answer(WHEEL, made.wheel(), full).reason


def two_tops() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("a/PKG-INFO", "b/PKG-INFO"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "content", "words"),
    [
        (WHEEL, b"no zip", "Invalid distribution file"),
        (SDIST, b"no tar", "Invalid distribution file"),
        (SDIST, two_tops(), "exactly one top-level directory"),
        ("lockgate.whl", b"", "Invalid filename"),
        ("notes.txt", b"", "Invalid filename"),
    ],
    # The archive holds the time, and every worker of a test run has to name the tests alike.
    ids=["no zip", "no tar", "two folders", "no wheel's name", "no distribution's name"],
)
def test_what_is_no_distribution(filename, content, words):
    assert words in answer(filename, content).reason


def test_name_in_metadata_must_be_the_files(made):
    assert "Start filename for 'lockgate-sample 1.1.0'" in answer("other-1.1.0-py3-none-any.whl", made.wheel()).reason
