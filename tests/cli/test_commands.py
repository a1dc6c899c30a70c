"""The command itself: what it loads, what scripts read from it, how it is interrupted, the sandbox that it serves."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from sandbox.world import BANNER

SLEEPER = """\
import os, pathlib, time
go, pid = pathlib.Path({go!r}), pathlib.Path({pid!r})
pid.write_text(str(os.getpid()))
print("the suite begins", flush=True)
while not go.exists():
    time.sleep(0.05)
"""
STEP = {"key": str, "title": str, "outcome": str, "seconds": float, "evidence": str}
REPORT = {
    "exit_code": int, "project": str, "version": str, "tag": str, "commit": str, "steps": list, "artifacts": list,
    "refusals": list, "urls": dict, "fixture": str, "tag_is_out": bool,
}  # fmt: skip
REFUSAL = {"step": int, "seen": str, "expected": str, "next": str}
KEYS = (
    "version", "migrations", "pre-release", "artifacts", "tests", "publisher", "environment", "export", "wait", "record",
    "logs",
)  # fmt: skip


def fits(data: dict, schema: dict[str, type]) -> bool:
    """Whether a JSON object has exactly these keys with values of these types."""
    return data.keys() == schema.keys() and all(isinstance(data[key], kind) for key, kind in schema.items())


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (("--help",), ("prefect", "httpx", "git", "starlette", "pydantic")),
        (("release", "--help"), ("prefect", "httpx", "git", "starlette", "pydantic")),
        (("plan", "patch"), ("prefect", "starlette", "sqlalchemy")),
    ],
)
def test_it_loads_only_what_it_uses(desk, words, heavy) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cli.main", *words], cwd=desk.checkout, env=desk.environ,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    loaded = {match[1].split(".")[0] for match in re.finditer(r"\| +([\w.]+)$", done.stderr, re.MULTILINE)}
    assert "lockgate" in loaded
    assert loaded.isdisjoint(heavy)


def test_help_says_what_the_exit_codes_mean_and_the_version_is_the_installed_one(desk) -> None:
    shown = " ".join(desk.run("--help").out.split())
    assert "0 released, 1 refused (nothing irreversible happened), 2 usage or settings, 3 stopped after" in shown
    assert "4 something outside is unavailable, 130 interrupted" in shown
    assert desk.run("--version").out.strip() == version("lockgate")


@pytest.mark.parametrize("words", [("plan", "--nope"), ("nope",), ("release", "1", "2"), ("init", "--variant", "both")])
def test_wrong_usage_is_exit_code_2(desk, words) -> None:
    ended = desk.run(*words)
    assert ended.code == 2
    assert "Error" in ended.out + ended.err


def test_the_plan_as_json_is_one_document(desk) -> None:
    ended = desk.run("plan", "patch", "--json")
    assert ended.code == 0, ended.err
    assert [one["step"] for one in ended.data["findings"]] == list(KEYS)
    assert ended.data["settings"][0] == ["project", "lockgate-sample", "project.name"]
    assert (ended.data["exit_code"], ended.data["refusals"], ended.data["version"]) == (0, [], "1.0.1")
    assert "Nothing is in the way." in ended.err


def test_a_dry_run_is_the_plan(desk, tmp_path) -> None:
    report = tmp_path / "report.json"
    dry = desk.run("release", "patch", "--dry-run", "--json", "--report", str(report))
    assert dry.data == desk.run("plan", "patch", "--json").data
    assert fits(json.loads(report.read_text()), REPORT)


def test_a_report_in_the_checkout_is_no_stray_file_before_the_end(desk) -> None:
    assert desk.run("plan", "patch", "--report", "report.json").code == 0
    assert (desk.checkout / "report.json").is_file()


def test_a_report_that_cannot_be_written_is_told_before_anything_happens(desk) -> None:
    before = desk.seen()
    ended = desk.run("release", "patch", "--yes", "--tested", "here", "--report", "VERSION/report.json")
    assert ended.code == 2
    assert "the report cannot be written" in ended.out
    assert desk.seen() == before


@pytest.mark.slow
def test_the_plan_gives_the_whole_command(desk, tmp_path) -> None:
    ended = desk.run("plan", "patch", "--repository", "my checkout/..", "--branch", "main", at=desk.checkout)
    assert ended.code == 2
    (desk.checkout / "my checkout").mkdir()
    ended = desk.run("plan", "patch", "--repository", "my checkout/..", "--branch", "main")
    assert "lockgate release patch --repository 'my checkout/..' --branch main" in ended.out


def test_settings_that_are_wrong_are_json_too(desk, tmp_path) -> None:
    report = tmp_path / "new" / "report.json"
    ended = desk.run("release", "1..2", "--yes", "--tested", "here", "--json", "--report", str(report))
    assert ended.code == 2
    assert fits(ended.data, REPORT)
    assert json.loads(report.read_text()) == ended.data
    assert [fits(one, REFUSAL) for one in ended.data["refusals"]] == [True]


@pytest.mark.slow
def test_a_release_reports_every_step_and_a_second_start_does_nothing_twice(desk_with_prefect, tmp_path) -> None:
    desk, report = desk_with_prefect, tmp_path / "report.json"
    first = desk.run("release", "patch", "--yes", "--tested", "here", "--report", str(report))
    assert first.code == 0, first.out
    data, before = json.loads(report.read_text()), desk.seen()
    assert fits(data, REPORT)
    assert [one["key"] for one in data["steps"]] == list(KEYS)
    assert all(fits(one, STEP) and one["evidence"] for one in data["steps"])
    assert {one["outcome"] for one in data["steps"]} <= {"done", "not needed"}
    assert all(fits(one, {"name": str, "sha256": str, "size": int, "kind": str}) for one in data["artifacts"])
    assert data["urls"].keys() == {"index", "release", "run"}
    assert Path(data["fixture"]).is_file()
    assert "lockgate-sample 1.0.1 is released." in first.out
    second = desk.run("release", "1.0.1", "--yes", "--tested", "here", "--json")
    assert second.code == 0, second.err
    changing = {one["key"]: one["outcome"] for one in second.data["steps"] if one["outcome"] == "done"}
    assert changing.keys().isdisjoint({"pre-release", "artifacts", "export", "wait", "record", "logs"})
    assert desk.seen() == before


@pytest.mark.slow
def test_ctrl_c_at_a_question_ends_with_130_and_the_next_start_goes_on(desk_with_prefect) -> None:
    desk = desk_with_prefect
    ended = desk.talk("release", "patch", answers=[("Decision [approve/decline]:", "\x03")])
    assert ended.code == 130, ended.out
    assert "Interrupted. Nothing irreversible happened. The same command goes on from where it was" in ended.out
    assert "Traceback" not in ended.out
    assert "UserWarning" not in ended.out
    again = desk.run("release", "patch", "--yes", "--tested", "here", "--json")
    assert again.code == 0, again.err
    outcomes = {one["key"]: one["outcome"] for one in again.data["steps"]}
    assert (outcomes["pre-release"], outcomes["artifacts"]) == ("already done", "already done")


@pytest.mark.slow
def test_ctrl_c_in_the_tests_ends_them_too_and_the_next_start_runs_them_again(desk_with_prefect, tmp_path) -> None:
    desk, pid, go = desk_with_prefect, tmp_path / "pid", tmp_path / "go"
    sleeper = tmp_path / "suite.py"
    sleeper.write_text(SLEEPER.format(go=str(go), pid=str(pid)))
    with (desk.checkout / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.lockgate]\ntest-command = ['python', {str(sleeper)!r}]\n")
    desk.push("Say how to test")
    ended = desk.talk("release", "patch", answers=[("the suite begins", "\x03")])
    assert ended.code == 130, ended.out
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    go.touch()
    again = desk.run("release", "patch", "--yes", "--tested", "here", "--json")
    assert again.code == 0, again.err
    outcomes = {one["key"]: one["outcome"] for one in again.data["steps"]}
    assert (outcomes["artifacts"], outcomes["tests"]) == ("already done", "done")


@pytest.mark.slow
def test_a_person_on_a_terminal_approves_and_declines(desk_with_prefect) -> None:
    """Declining ends with exit code 1; the next start asks again and goes on."""
    desk = desk_with_prefect
    declined = desk.talk(
        "release", "patch", answers=[("Decision [", "decline\n"), ("Approver (", "\n"), ("Note", "not today\n")]
    )
    assert declined.code == 1, declined.out
    assert "not today" in declined.out
    assert "lockgate-sample 1.0.1 was not released. Nothing irreversible happened." in declined.out
    yes = [("Decision [", "approve\n"), ("Approver (", "grace\n")]
    answers = [*yes, ("Note", "the night build\n"), *yes, ("Note", "\n")]
    approved = desk.talk("release", "patch", answers=answers)
    assert approved.code == 0, approved.out
    assert "lockgate-sample 1.0.1 is released." in approved.out


@contextmanager
def serving(desk, folder: Path, *words: str) -> Iterator[Iterator[str]]:
    """`lockgate sandbox` while it lasts; gives what it prints line by line. It has to end well when it is stopped."""
    command = [sys.executable, "-m", "cli.main", "sandbox", str(folder), "--repository", str(desk.checkout), *words]
    server = subprocess.Popen(command, env=desk.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield iter(server.stdout.readline, "")
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    assert code == 0


def test_the_sandbox_serves_until_it_is_stopped_and_says_what_to_set(desk, tmp_path) -> None:
    with serving(desk, tmp_path / "box") as lines:
        exports, said = {}, []
        while "LOCKGATE_HOME" not in exports:
            said.append(next(lines).rstrip("\n"))
            words = shlex.split(said[-1])
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                exports[name] = value
        assert "\n".join(said).startswith(BANNER)
        desk.environ |= exports
        origin = f"{exports['GITHUB_SERVER_URL']}/example/lockgate-sample.git"
        assert httpx.get(exports["LOCKGATE_INDEX_URL"], timeout=30).status_code == httpx.codes.OK
        planned = desk.run("plan", "patch", "--repository", origin, "--json")
        assert planned.code == 0, planned.err


def test_the_sandbox_tells_scripts_what_to_set(desk, tmp_path) -> None:
    desk.environ["LOCKGATE_STORE"] = "s3://the/real/one"
    with serving(desk, tmp_path / "box", "--json") as lines:
        told = json.loads(next(lines))
    assert told["origin"].startswith(told["environment"]["GITHUB_SERVER_URL"])
    assert told["environment"]["LOCKGATE_HOME"] == str(tmp_path / "box")
    assert told["unset"] == ["LOCKGATE_STORE"]
