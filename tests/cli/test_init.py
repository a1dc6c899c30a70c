"""`lockgate init` through the real command: shows, asks, writes; and what it writes carries a whole release."""

from __future__ import annotations

import pytest

from clients.workflow_checks import audit, check_schema

WORKFLOW = ".github/workflows/publish.yml"
PROPOSED = {("files", "pyproject.toml"), ("files", WORKFLOW)}


@pytest.fixture
def bare_desk(desk):
    """A project that knows nothing of publishing."""
    desk.git("rm", "--quiet", WORKFLOW)
    desk.push("Publish by hand")
    return desk


def changed(desk, before):
    now = desk.seen()
    names = now["files"].keys() | before["files"].keys()
    assert {kind: now[kind] for kind in now if kind != "files"} == {
        kind: before[kind] for kind in now if kind != "files"
    }
    return {("files", name) for name in names if now["files"].get(name) != before["files"].get(name)}


def test_in_a_pipe_it_shows_everything_and_writes_nothing(bare_desk) -> None:
    before = bare_desk.seen()
    ended = bare_desk.run("init")
    assert ended.code == 2
    assert '+[tool.lockgate]\n+branch = "main" # origin\'s HEAD\n' in ended.out
    assert f"--- /dev/null\n+++ b/{WORKFLOW}\n" in ended.out
    assert "nobody can be asked" in ended.out
    assert "next      look at the proposal above, then run the same command with --yes" in ended.out
    assert changed(bare_desk, before) == set()


@pytest.mark.parametrize(("answer", "code", "files"), [("n\n", 1, set()), ("y\n", 0, PROPOSED), ("\x03", 130, set())])
def test_on_a_terminal_it_asks_and_writes_only_after_a_yes(bare_desk, answer, code, files) -> None:
    before = bare_desk.seen()
    ended = bare_desk.talk("init", answers=[("Write this? [y/n]", answer)])
    assert ended.code == code
    assert ("nothing was written" in ended.out.lower()) is (code != 0)
    assert changed(bare_desk, before) == files


@pytest.mark.slow
def test_the_plan_is_clear_afterwards_and_a_second_run_writes_nothing(bare_desk) -> None:
    assert bare_desk.run("plan", "patch").code == 1
    ended = bare_desk.run("init", "--yes", "--test-command", "python -c pass")
    assert ended.code == 0, ended.out
    assert "Register a Trusted Publisher" in ended.out or "Register a pending Trusted Publisher" in ended.out
    files = {WORKFLOW: (bare_desk.checkout / WORKFLOW).read_text()}
    assert (check_schema(files), audit(files)) == ((), ())
    bare_desk.push("Publish with Lockgate")
    planned = bare_desk.run("plan", "patch", "--json")
    assert planned.code == 0, planned.err
    assert planned.data["refusals"] == []
    before = bare_desk.seen()
    again = bare_desk.run("init", "--yes")
    assert (again.code, changed(bare_desk, before)) == (0, set())
    assert "nothing to write" in again.out


def test_the_end_of_the_input_is_no_yes(bare_desk) -> None:
    before = bare_desk.seen()
    ended = bare_desk.talk("init", answers=[("Write this?", "\x04")])
    assert ended.code == 130
    assert "Nothing was written." in ended.out
    assert "Traceback" not in ended.out
    assert bare_desk.seen() == before


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["assets", "rebuild"])
def test_a_release_with_the_proposed_workflow(bare_desk, desk_with_prefect, variant) -> None:
    assert bare_desk.run("init", "--yes", "--variant", variant, "--test-command", "python -c pass").code == 0
    bare_desk.push("Publish with Lockgate")
    ended = desk_with_prefect.run("release", "patch", "--yes", "--json")
    assert ended.code == 0, ended.out + ended.err
    built = {one["name"]: one["sha256"] for one in ended.data["artifacts"]}
    published = bare_desk.seen()["index"]
    assert {f"lockgate-sample/{name}" for name in built} <= published.keys()
    if variant == "assets":
        assert {name: published[f"lockgate-sample/{name}"] for name in built} == built
    assert bare_desk.world.problems == []
