"""The index clients against the sandbox: a release published by its workflow run, and the index's faults."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.version import Version

from clients import attestations, index
from clients.installation import install_release
from clients.log_archive import read_archive
from lockgate.errors import RateLimitedError, UnavailableError
from lockgate.publication import IndexFile, Publisher, judge_visibility, publication_problems, version_files
from lockgate.publish_logs import index_error, job_log, upload_lines
from sandbox.faults import Fault
from sandbox.world import Sandbox

WORKFLOW = """
on: {push: {tags: ['v*']}}
jobs:
  publish:
    name: Publish / index
    runs-on: ubuntu-latest
    environment: pypi
    permissions: {id-token: write}
    steps:
      - run: python -m build
      - uses: pypa/gh-action-pypi-publish@release/v1
"""
PROJECT = """
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"
[project]
name = "my-sample"
version = "1.0"
description = "A sample"
requires-python = ">=3.11"
"""


@dataclass(frozen=True)
class Built:
    name: str
    sha256: str
    size: int


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, env=environment)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox in which v1.0 was pushed and its workflow published."""
    folder = tmp_path_factory.mktemp("world")
    source = folder / "source"
    (source / ".github" / "workflows").mkdir(parents=True)
    (source / ".github" / "workflows" / "publish.yml").write_text(WORKFLOW)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "my_sample.py").write_text('"""Sample."""\n')
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-qm", "Begin")
    with Sandbox.create(folder / "sandbox", source, "owner/my-sample") as sandbox:
        sandbox.register_publisher(
            "my-sample", owner="owner", repository="my-sample", workflow="publish.yml", environment="pypi"
        )
        push_tag(sandbox, source, "v1.0")
        yield sandbox


def push_tag(sandbox: Sandbox, source: Path, tag: str) -> None:
    git(source, "tag", "-am", tag, tag)
    url = sandbox.origin_url.replace("http://", f"http://x-access-token:{sandbox.token}@")
    git(source, "push", "-q", url, f"refs/tags/{tag}:refs/tags/{tag}")
    sandbox.wait_idle(120)


@pytest.fixture(autouse=True)
def without_faults(world: Sandbox) -> Iterator[None]:
    yield
    world.faults.clear()
    assert world.problems == []


def released(world: Sandbox) -> tuple[IndexFile, ...]:
    return version_files(index.observe_project(world.index_url, "my_sample"), Version("1.0"))


def as_built(files: tuple[IndexFile, ...]) -> list[Built]:
    return [Built(file.name, file.sha256, file.size or 0) for file in files]


def test_both_views_show_the_release(world: Sandbox) -> None:
    files = released(world)
    assert sorted(file.name for file in files) == ["my_sample-1.0-py3-none-any.whl", "my_sample-1.0.tar.gz"]
    page = index.observe_release(world.index_url, "my-sample", "1.0.0")
    verdict = judge_visibility(as_built(files), page, files)
    assert (verdict.kind, verdict.identical) == ("published", True)


def test_an_unknown_project_is_absent(world: Sandbox) -> None:
    assert index.observe_project(world.index_url, "nobody-has-this") is None
    assert index.observe_release(world.index_url, "my-sample", "9.9") is None


def test_the_publisher_and_its_empty_attestations(world: Sandbox) -> None:
    file = released(world)[0]
    assert index.read_publisher(file) == Publisher("GitHub", "owner/my-sample", "publish.yml", "pypi")
    text = index.read_provenance(file)
    assert text is not None
    found = attestations.verify(
        text, name=file.name, sha256=file.sha256, repository="owner/my-sample", workflow="publish.yml"
    )
    assert found == ()


def test_a_download_has_the_listed_bytes(world: Sandbox, tmp_path: Path) -> None:
    for file in released(world):
        assert index.download(file, tmp_path / file.name).stat().st_size == file.size


def test_the_release_can_be_installed(world: Sandbox) -> None:
    done = install_release(world.index_url, "my-sample", "1.0", as_built(released(world)))
    assert done.wheel == "my_sample-1.0-py3-none-any.whl"


def test_the_runs_log_tells_what_was_uploaded(world: Sandbox) -> None:
    (run,) = [run for run in world.runs if run["head_branch"] == "v1.0"]
    logs = read_archive(world.folder / f"github/logs/{run['id']}-1.zip", 1_000_000)
    text = job_log(logs.texts, "Publish / index")
    assert text is not None
    lines = upload_lines(text)
    assert "Uploading my_sample-1.0-py3-none-any.whl" in lines
    assert "200 OK" in lines
    assert lines[-1].endswith("/project/my-sample/1.0/")
    assert index_error(text) is None


def test_the_log_of_a_refused_upload_gives_code_and_advice(world: Sandbox, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", world.origin_url, "source")
    (tmp_path / "source" / "my_sample.py").write_text('"""Other bytes for the same version."""\n')
    git(tmp_path / "source", "commit", "-qam", "Change")
    push_tag(world, tmp_path / "source", "v1.0.post1")
    (run,) = [run for run in world.runs if run["head_branch"] == "v1.0.post1"]
    text = job_log(read_archive(world.folder / f"github/logs/{run['id']}-1.zip", 1_000_000).texts, "Publish / index")
    assert text is not None
    found = index_error(text)
    assert found is not None
    assert found[0] == "file-exists"
    assert any("File already exists" in line for line in upload_lines(text))


def test_a_project_that_takes_no_uploads_says_so(world: Sandbox) -> None:
    world.set_project_status("my-sample", "archived")
    found = index.observe_project(world.index_url, "my-sample")
    world.set_project_status("my-sample", "active")
    assert found is not None
    assert found.status == "archived"


def test_a_yanked_release_is_still_seen(world: Sandbox) -> None:
    world.yank("my-sample", reason="broken")
    found = index.observe_project(world.index_url, "my-sample")
    world.yank("my-sample", reason=False)
    assert found is not None
    assert Version("1.0") in found.versions
    assert all(file.yanked for file in found.files)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("refuse", "index", "GET /simple/"), UnavailableError),
        (Fault("drop-reply", "index", "GET /simple/"), UnavailableError),
        (Fault("error", "index", "GET /simple/", options={"status": 503}), UnavailableError),
        (Fault("rate-limit", "index", "GET /simple/", options={"status": 429, "retry_after": 7}), RateLimitedError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_an_index_that_is_down_never_makes_a_version_free(world: Sandbox, fault: Fault, error: type[Exception]) -> None:
    world.faults.add(fault)
    with pytest.raises(error):
        index.observe_project(world.index_url, "nobody-has-this")
    assert released(world) != ()


def test_other_bytes_are_told_apart(world: Sandbox) -> None:
    files = released(world)
    built = [Built(file.name, "0" * 64, file.size or 0) for file in files]
    verdict = judge_visibility(built, index.observe_release(world.index_url, "my-sample", "1.0"), files)
    assert verdict.kind == "differs"
    assert "0" * 64 in str(publication_problems(verdict, "1.0", world.index_url)[0])
