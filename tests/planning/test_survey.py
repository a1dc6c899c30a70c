"""What of a given checkout may be committed without asking, on real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lockgate.errors import RefusedError
from lockgate.request import Request
from planning import survey
from planning.opening import open_release
from planning.release import Release
from sandbox.sample import write_sample
from sandbox.world import Sandbox
from tasks.git import check_version

STATIC = 'version = "1.0.0"'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("world")
    sample = write_sample(folder / "sample", version_source="static")
    running = Sandbox.create(folder / "sandbox", sample, "example/lockgate-sample").start()
    running.register_publisher(
        "lockgate-sample", owner="example", repository="lockgate-sample", workflow="publish.yml", environment="pypi"
    )
    return running


@pytest.fixture
def release(sandbox: Sandbox, tmp_path: Path) -> Release:
    """A release of a person's fresh checkout."""
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", sandbox.origin_url, str(checkout)], check=True)
    for key, value in (("user.name", "A Person"), ("user.email", "person@example.org")):
        subprocess.run(["git", "-C", str(checkout), "config", key, value], check=True)
    environ = {**os.environ, **sandbox.environment, "LOCKGATE_HOME": str(tmp_path / "home")}
    return open_release(Request(str(checkout), "patch"), environ)


def edit(release: Release, old: str, new: str) -> None:
    assert release.given is not None
    path = release.given / "pyproject.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_edited_version_is_committed_and_pushed(release: Release, sandbox: Sandbox) -> None:
    edit(release, STATIC, 'version = "1.0.1"')
    result = check_version.fn(release)
    assert "committed pyproject.toml" in result.evidence
    assert [entry for entry in sandbox.journal if entry["service"] == "origin"]
    again = check_version.fn(release)
    assert "committed" not in again.evidence


def test_any_other_edit_of_the_same_file_refuses(release: Release) -> None:
    edit(release, "Days and weeks until a day", "Days until a day")
    with pytest.raises(
        RefusedError, match=r"1 changed or untracked files in .*pyproject\.toml.*Expected: a clean tree"
    ):
        check_version.fn(release)
    assert "Days until a day" in (release.given or Path()).joinpath("pyproject.toml").read_text()


def test_version_and_another_edit_refuse(release: Release) -> None:
    given = survey.look_at_given(release, survey.look_at_origin(release))
    assert given is not None
    edit(release, "Days and weeks", "Days")
    edit(release, 'version = "1.0', 'version = "7.0')
    given = survey.look_at_given(release, survey.look_at_origin(release))
    assert given is not None
    assert "pyproject.toml" not in survey.committable(release, given)
