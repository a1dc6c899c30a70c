"""What `lockgate init` would write, for repositories of several kinds; nothing is written by it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from lockgate.errors import SettingsError
from planning.proposing import Proposal, propose
from sandbox.sample import write_sample

WORKFLOW = ".github/workflows/publish.yml"
OTHER = (
    "on:\n  push:\n    branches: [main]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: pytest\n"
)
NOWHERE = "http://127.0.0.1:9/example/lockgate-sample.git"
ENVIRON = {"LOCKGATE_INDEX_URL": "http://127.0.0.1:9/simple/", "GH_TOKEN": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample without a publish workflow; neither its origin nor the index answers."""
    sample = write_sample(tmp_path / "sample")
    git(sample, "remote", "add", "origin", NOWHERE)
    (sample / WORKFLOW).unlink()
    return sample


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def look(folder: Path, **more) -> Proposal:
    return propose(folder, more.pop("variant", "assets"), more.pop("test_command", ()), ENVIRON)


def test_table_and_workflow_are_proposed_and_nothing_is_written(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = look(folder)
    assert [(one.path, one.before is None) for one in made.changes] == [("pyproject.toml", False), (WORKFLOW, True)]
    table = tomllib.loads(made.changes[0].after)["tool"]["lockgate"]
    assert table == {"branch": "main", "tag-format": "v{version}", "environment": "pypi"}
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_without_origin_the_checkout_tells_and_that_is_said(folder: Path) -> None:
    notes = look(folder).notes
    assert any(note.startswith("Branch and tags are this checkout's own: Reading the refs of") for note in notes)
    assert any(note.startswith("Whether the index knows lockgate-sample is not known:") for note in notes)


def test_what_is_set_by_hand_names_the_proposed_workflow(folder: Path) -> None:
    assert any("workflow `publish.yml`, environment `pypi`" in line for line in look(folder).manual)


def test_a_test_command_is_written_into_the_table(folder: Path) -> None:
    made = look(folder, test_command=("python", "-m", "pytest"))
    assert tomllib.loads(made.changes[0].after)["tool"]["lockgate"]["test-command"] == ["python", "-m", "pytest"]


def test_a_workflow_that_publishes_is_kept_with_its_environment(folder: Path) -> None:
    git(folder, "checkout", "--", WORKFLOW)
    text = (folder / WORKFLOW).read_text().replace("environment: pypi", "environment: release")
    (folder / WORKFLOW).write_text(text)
    made = look(folder)
    assert [one.path for one in made.changes] == ["pyproject.toml"]
    assert tomllib.loads(made.changes[0].after)["tool"]["lockgate"]["environment"] == "release"
    assert f"{WORKFLOW} publishes already and is left as it is." in made.notes


def test_a_kept_workflow_without_an_environment_gets_none_in_the_table(folder: Path) -> None:
    git(folder, "checkout", "--", WORKFLOW)
    (folder / WORKFLOW).write_text((folder / WORKFLOW).read_text().replace("    environment: pypi\n", ""))
    assert "environment" not in tomllib.loads(look(folder).changes[0].after)["tool"]["lockgate"]


def test_a_file_that_does_not_publish_is_never_written_over(folder: Path) -> None:
    (folder / WORKFLOW).write_text(OTHER)
    made = look(folder)
    assert [one.path for one in made.changes] == ["pyproject.toml", ".github/workflows/publish-release.yml"]
    assert tomllib.loads(made.changes[0].after)["tool"]["lockgate"]["workflow"] == "publish-release.yml"
    assert any(note.startswith("No workflow here publishes v1.0.0:") for note in made.notes)


def test_without_a_free_name_nothing_is_proposed(folder: Path) -> None:
    for name in ("publish.yml", "publish-release.yml", "lockgate-publish.yml"):
        (folder / ".github/workflows" / name).write_text(OTHER)
    with pytest.raises(SettingsError, match=r"are all there.*Next: remove or rename one of them"):
        look(folder)


def test_line_ends_stay_as_they_are(folder: Path) -> None:
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_bytes(text.replace("\n", "\r\n").encode())
    assert look(folder).changes[0].after.startswith(text.replace("\n", "\r\n"))


def test_a_second_look_at_what_was_written_proposes_nothing(folder: Path) -> None:
    for change in look(folder).changes:
        (folder / change.path).write_bytes(change.after.encode())
    assert look(folder).changes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project\n", r"pyproject\.toml: Expected '\]'.*Next: correct the file"),
        ("[project]\nname = 'x'\nversion = '1'\n[tool.lockgate]\nbrunch = 'main'\n", r"brunch under .* is no setting"),
    ],
)
def test_nothing_is_added_to_something_broken(folder: Path, text: str, words: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        look(folder)


def test_a_repository_without_pyproject_a_folder_and_a_missing_remote_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "pyproject.toml").unlink()
    with pytest.raises(SettingsError, match=r"has no pyproject\.toml, or one that is no text"):
        look(folder)
    with pytest.raises(SettingsError, match=r"is no git checkout.*Next: clone the project"):
        look(tmp_path)
    git(folder, "remote", "remove", "origin")
    with pytest.raises(SettingsError, match="has no remote named 'origin'"):
        look(folder)
