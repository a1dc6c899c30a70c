"""What is read out of publish logs, and what must never be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.masking import MASK, mask_secrets
from lockgate.publish_logs import (
    clean_line,
    index_error,
    job_log,
    safe_member_name,
    upload_lines,
)

TWINE = """\ufeff2026-11-22T20:25:01.1234567Z ##[group]Run pypa/gh-action-pypi-publish@v1
2026-11-22T20:25:01.2Z Checking dist/sample-1.0-py3-none-any.whl: \x1b[32mPASSED\x1b[0m
2026-11-22T20:25:02.2Z Uploading distributions to https://upload.index.example/legacy/
2026-11-22T20:25:02.3Z Uploading sample-1.0-py3-none-any.whl
2026-11-22T20:25:02.4Z \x1b[2K100% 8.2/8.2 kB
2026-11-22T20:25:03.3Z Response from https://upload.index.example/legacy/:
2026-11-22T20:25:03.3Z 200 OK
2026-11-22T20:25:03.4Z Uploading sample-1.0.tar.gz
2026-11-22T20:25:04.4Z WARNING  Skipping sample-1.0.tar.gz because it appears to already exist
2026-11-22T20:25:05.4Z View at:
2026-11-22T20:25:05.4Z https://index.example/project/sample/1.0/
2026-11-22T20:25:06.4Z Post job cleanup.
"""

UV = """2026-11-22T20:25:02.2Z Publishing 2 files to https://upload.index.example/legacy/
2026-11-22T20:25:02.3Z Uploading sample-1.0-py3-none-any.whl (1.2KiB)
2026-11-22T20:25:02.4Z error: Failed to publish `dist/sample-1.0.tar.gz` to https://upload.index.example/legacy/
2026-11-22T20:25:02.4Z   Caused by: Server returned status code 400 Bad Request. Server says: \
400 Uploading new files to releases older than 14 days is not allowed.
"""


def test_twine_lines_are_kept_without_stamps_and_colours() -> None:
    assert upload_lines(TWINE) == (
        "Checking dist/sample-1.0-py3-none-any.whl: PASSED",
        "Uploading distributions to https://upload.index.example/legacy/",
        "Uploading sample-1.0-py3-none-any.whl",
        "Response from https://upload.index.example/legacy/:",
        "200 OK",
        "Uploading sample-1.0.tar.gz",
        "WARNING  Skipping sample-1.0.tar.gz because it appears to already exist",
        "View at:",
        "https://index.example/project/sample/1.0/",
    )
    assert index_error(TWINE) is None


def test_uv_lines_are_kept() -> None:
    lines = upload_lines(UV)
    assert lines[1] == "Uploading sample-1.0-py3-none-any.whl (1.2KiB)"
    assert lines[-1].startswith("Caused by: Server returned status code 400")
    assert index_error(UV) == (
        "release-too-old",
        "the index takes no more files for this release; release the next version",
    )


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        (
            "* `invalid-publisher`: valid token, but no corresponding publisher (…)",
            "invalid-publisher",
            "Trusted Publisher",
        ),
        ("* `invalid-pending-publisher`: valid token, but…", "invalid-pending-publisher", "pending publisher"),
        ("* `invalid-reuse-token`: invalid token: already used", "invalid-reuse-token", "re-run"),
        ("* `not-enabled`: Trusted publishing has been disabled", "not-enabled", "status page"),
        ("OpenID Connect token retrieval failed: GitHub: missing or insufficient", "no-identity", "id-token: write"),
        (
            'Tag "v1" is not allowed to deploy to pypi due to environment protection rules.',
            "environment-refused",
            "policy",
        ),
        (
            "ERROR    HTTPError: 400 Bad Request\n File already exists ('f', with blake2_256 hash 'x').",
            "file-exists",
            "digests",
        ),
        ("This filename was previously used by a file that has since been deleted.", "name-burnt", "next version"),
        ("400 Only one sdist may be uploaded per release.", "second-sdist", "one sdist"),
        ("File too large. Limit for project 'x' is 100 MB.", "too-large", "smaller"),
        ("The use of local versions in <Version('1.0+x')> is not allowed.", "local-version", "'+'"),
        ("Can't have direct dependency: 'foo @ https://x'", "direct-dependency", "released version"),
        ("'Foo :: Bar' is not a valid classifier.", "invalid-classifier", "classifiers"),
        ("403 The given token isn't allowed to upload to project 'x'.", "not-allowed", "archived"),
        ("400 Non-user identities cannot create new projects.", "new-project", "pending publisher"),
        (
            "ERROR    HTTPError: 403 Forbidden\nInvalid or non-existent authentication information.",
            "authentication",
            "token",
        ),
        ("HTTPError: 429 Too Many Requests", "too-many", "wait"),
        ("HTTPError: 503 Service Unavailable", "index-down", "status page"),
        ("HTTPError: 400 Bad Request from https://x\nSomething new", "refused", "own words"),
    ],
)
def test_each_refusal_has_code_and_advice(text: str, code: str, advice: str) -> None:
    found = index_error(f"2026-11-22T20:25:02.3Z Run publish\n{text}\nPost job")
    assert found is not None
    assert found[0] == code
    assert advice in found[1]
    assert upload_lines(text) != ()


def test_a_debug_line_is_no_refusal() -> None:
    assert index_error("::debug::selected trusted publishing exchange endpoint; invalid-publisher") is None


GHP, PAT = "ghp_" + "A1b2" * 9, "github_pat_" + "A1b2_" * 12
PYPI, JWT = "pypi-AgEI" + "cHlwaS5v" * 8, "eyJ" + "hbGciOi" * 3 + ".eyJzdWIi.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [GHP, PAT, "ghs_" + "x" * 36, "gho_" + "x" * 36, PYPI, JWT],
    ids=["ghp", "pat", "ghs", "gho", "pypi", "jwt"],
)
@pytest.mark.parametrize("around", ["{}", "token={} end", "https://x:{}@host/", '"password": "{}"', "\x1b[1m{}\x1b[0m"])
def test_tokens_are_masked_wherever_they_stand(secret: str, around: str) -> None:
    masked = mask_secrets(around.format(secret))
    assert secret not in masked
    assert secret[12:24] not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Basic dXNlcjpwdw==",
        "authorization: token hunter2hunter2",
        "{'Authorization': 'Bearer hunter2hunter2'}",
        "extraheader = AUTHORIZATION: basic dXNlcjpwdw==",
        "https://user:hunter2@host/x",
        "https://host/log.zip?sv=1&sig=hunter2&x=1",
    ],
)
def test_headers_addresses_and_signed_links_are_masked(line: str) -> None:
    masked = mask_secrets(line)
    assert "hunter2" not in masked
    assert "dXNlcjpwdw==" not in masked


def test_known_values_are_masked_and_short_ones_left() -> None:
    assert mask_secrets("my-marker and x", ["my-marker", "x", ""]) == f"{MASK} and x"


@pytest.mark.parametrize(
    "line",
    [
        "Uploading pypi-attestations-0.0.30-py3-none-any.whl",
        "Run pypa/gh-action-pypi-publish@0123456789abcdef0123456789abcdef01234567",
        "sha256:" + "ab" * 32,
        "https://index.example/project/sample/1.0/",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert mask_secrets(line) == line


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("publish/3_Upload.txt", "publish/3_Upload.txt"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\x.txt", "C_/Windows/x.txt"),
        ("a/\x00b\u202e.txt", "a/_b_.txt"),
        ("..", "_"),
        ("", "_"),
    ],
)
def test_member_names_become_plain_relative_paths(name: str, safe: str) -> None:
    assert safe_member_name(name) == safe


@given(st.text())
def test_no_member_name_escapes(name: str) -> None:
    parts = safe_member_name(name).split("/")
    assert all(part.strip(". ") for part in parts)
    assert not any(sign in part for part in parts for sign in "\\:\x00")


def test_job_log_ignores_signs_that_archives_drop() -> None:
    texts = {"build": "b", "publish  pypi": "p"}
    assert job_log(texts, "publish / pypi") == "p"
    assert job_log(texts, "deploy") is None


def test_job_log_is_none_when_two_fit() -> None:
    assert job_log({"a/b": "1", "ab": "2"}, "a b") is None


def test_long_job_names_are_cut_in_archives() -> None:
    name = "publish " + "x" * 120
    assert job_log({name[:90]: "text"}, name) == "text"


def test_clean_line() -> None:
    assert clean_line("2026-11-22T20:25:01.1234567Z \x1b[36;1mhello\x1b[0m\x07 ") == "hello"
