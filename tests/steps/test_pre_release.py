"""Step 3: commands before the build, what they may change, and starting anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError
from lockgate.fixture import Note
from planning import record
from tests.acts import attempt, configure, refs, replace_in
from tests.stages import ORDER, VERSION, Stage

Make = Callable[[str], Stage]
NEWS = """import sys
sys.stdout.reconfigure(line_buffering=True)
with open("CHANGELOG.md") as file: text = file.read()
with open("CHANGELOG.md", "w") as file: file.write(text.replace("## Unreleased", "## " + sys.argv[1]))
"""


def command(text: str, *words: str) -> str:
    """A pre-release command that runs Python."""
    return "[[" + ", ".join(repr_toml(word) for word in ("python", "-c", text, *words)) + "]]"


def repr_toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def changed(stage: Stage) -> list[str]:
    """The files of the release commit."""
    workspace = stage.open().workspace
    return stage.git("show", "--format=", "--name-only", "main", folder=workspace).splitlines()


def test_a_changelog_tool_is_told_the_version_and_its_file_is_committed(at: Make) -> None:
    stage = at("version")
    configure(stage, f'release-files = ["CHANGELOG.md"]\npre-release = {command(NEWS, "{version}")}')
    stage.go_on(ORDER[:3])
    assert changed(stage) == ["CHANGELOG.md", "VERSION", f"releases/{VERSION}.json"]
    workspace = stage.open().workspace
    assert f"## {VERSION}\n" in stage.git("show", "main:CHANGELOG.md", folder=workspace)
    assert stage.changes("pushed refs/heads/main") == 0


def test_other_changes_are_refused_with_the_list(at: Make) -> None:
    stage = at("version")
    meddle = "open('extra.txt', 'w').close(); open('README.md', 'a').write('x'); __import__('os').remove('tests/test_days.py')"
    configure(stage, f"pre-release = {command(meddle)}")
    stage.go_on(ORDER[:2])
    with pytest.raises(
        RefusedError, match=r"changed README\.md, extra\.txt, tests/test_days\.py|extra\.txt"
    ) as refusal:
        attempt(stage, "pre-release")
    assert all(name in str(refusal.value) for name in ("README.md", "extra.txt", "tests/test_days.py"))
    assert record.kept(stage.open()).release_commit == ""


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        (f"pre-release = {command('raise SystemExit(7)')}", "ended with exit code 7"),
        ('pre-release = ["sleep 60"]\npre-release-timeout = 0.5', "did not end within"),
        ('pre-release = ["echo fine; touch extra.txt && false"]', None),
    ],
)
def test_commands_end_in_time_and_see_no_shell(at: Make, settings: str, seen: str | None) -> None:
    stage = at("version")
    configure(stage, settings)
    stage.go_on(ORDER[:2])
    if seen is None:
        attempt(stage, "pre-release")
        assert changed(stage) == ["VERSION", f"releases/{VERSION}.json"]
        return
    with pytest.raises(RefusedError, match=seen):
        attempt(stage, "pre-release")


def test_commands_that_commit_and_tag_are_refused_and_leave_nothing(at: Make) -> None:
    """What a command committed would be in no list of changed files; the next start knows nothing of it."""
    stage = at("version")
    bump = "import subprocess as s; open('extra.txt', 'w').close(); git = lambda *w: s.run(('git', *w), check=True);"
    bump += "git('add', '.'); git('commit', '-qm', 'Bump'); git('tag', 'v9')"
    configure(stage, f"pre-release = {command(bump)}")
    stage.go_on(ORDER[:2])
    with pytest.raises(RefusedError, match=r"made or moved the tag 'v9'; moved HEAD from \w{12} to \w{12}"):
        attempt(stage, "pre-release")
    replace_in(stage, "pyproject.toml", command(bump), "[]")
    stage.go_on(ORDER[:3])
    assert changed(stage) == ["VERSION", f"releases/{VERSION}.json"]
    assert "v9" not in refs(stage, stage.open().workspace)


def test_where_it_began_is_kept(at: Make) -> None:
    stage = at("tests")
    kept = stage.record()
    assert kept.previous_version == "1.0.0"
    assert kept.base_commit == stage.git("rev-parse", f"{kept.release_commit}^")
    assert kept.previous_commit == stage.git("rev-parse", "v1.0.0^{commit}")


@pytest.mark.slow
def test_a_restart_begins_anew_and_rewrites_nothing(at: Make) -> None:
    stage = at("tests")
    before, first = refs(stage), record.kept(stage.open()).release_commit
    record.restart(stage.open(), Note(record.now(), "Ada", "begins anew"))
    assert refs(stage) == before
    stage.go_on(ORDER[:4])
    anew = stage.record()
    assert (anew.restarts, anew.base_commit) == (1, before.split()[0])
    assert anew.release_commit != first
    assert stage.git("merge-base", "--is-ancestor", first, "main") == ""
    assert stage.subjects().count(f"Release lockgate-sample {VERSION}") == 2


@pytest.mark.parametrize("home", ["home", "a machine whose store knows nothing of it"])
def test_nothing_is_restarted_once_the_tag_is_out(at: Make, home: str) -> None:
    release = at("wait").open(home, VERSION)
    with pytest.raises(RefusedError, match=r"tag 'v1\.1\.0' of lockgate-sample 1\.1\.0 is out"):
        record.restart(release, Note(record.now(), "Ada", "begins anew"))
