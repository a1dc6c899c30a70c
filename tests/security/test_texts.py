"""Texts of others are data: on the terminal, in briefs and pages, in names, messages and release notes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Failed, Running

from flows import notifying
from flows.questions import PREFIX
from tests.desk import Desk
from tests.forgeries import (
    COMMIT,
    FORGED,
    FORGERIES,
    IMAGE,
    OBEYED,
    ROW,
    WORDS,
    check_page,
    forged_briefs,
    pause,
    read_as_markdown,
)  # fmt: skip
from tests.operating import until

CLIPBOARD, TITLE, CLEAR = "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;approved\x07", "\x9b2J"
BIDI, MARKUP = "\u202egnp.exe", "test_path[/etc] [bold]"
LOUD = "\n".join((f"FAILED {MARKUP}", CLIPBOARD, TITLE, CLEAR, BIDI, "one\u2028two", "a\x00b\rc"))
SHOWN = ("\\x1b]52;c;ZXZpbA==\\x07", "\\x1b]0;approved\\x07", "\\x9b2J", "\\u202egnp.exe", MARKUP)


@pytest.mark.timeout(900)
def test_a_whole_release_takes_every_text_of_others_for_text(desk_with_prefect: Desk, prefect_api: str) -> None:
    """The tests' output, a name, a command, a file, a branch, a tag and a changelog: on the terminal, in pages and names."""
    desk = desk_with_prefect
    desk.environ["LOCKGATE_USER"] = WORDS
    desk.write("CHANGELOG.md", f"# Changes\n\n## 1.1.0\n\n- Weeks. {CLIPBOARD}{BIDI}\n\n## 1.0.0\n\n- First.\n")
    desk.write("src/lockgate_sample/![x](y)|`<img src=x>`.txt", "")
    let_the_tests_say(desk, LOUD, WORDS)
    desk.git("push", "--quiet", "origin", "HEAD:refs/heads/ma\u202ein", "HEAD:refs/tags/v1.0.5-\u2066x")

    ended = desk.talk("release", "minor", "--yes", answers=[("Starting Prefect", "\n")])
    assert ended.code == 0, ended.out
    assert "is released" in ended.out
    assert not [one for one in OBEYED if one in ended.out]

    notes = desk.world.releases[0]["body"]
    assert "- Weeks. \\x1b]52;c;ZXZpbA==\\x07\\u202egnp.exe" in notes
    hosts = {urlsplit(one).netloc for one in (desk.world.github_url, desk.world.index_url)}
    with get_client(sync_client=True) as client:
        run = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        mine = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])))
    assert len(mine) > 10
    for one in mine:
        check_page(f"{one.description}\n\n{one.data}" if isinstance(one.data, str) else str(one.description), hosts)
    assert not [one for one in OBEYED for text in (run.name, *run.tags) if one in text]
    summary = next(str(one.data) for one in mine if (one.key or "").startswith("summary-"))
    assert "**Grace** [page](" in summary, "as code"


@pytest.mark.timeout(900)
def test_failed_tests_are_quoted_as_text_at_the_end(desk_with_prefect: Desk) -> None:
    """In a pipe, and again in the log and the state that Prefect kept."""
    desk = desk_with_prefect
    let_the_tests_say(desk, LOUD, code=1)
    ended = desk.run("release", "minor", "--yes")
    assert ended.code == 1, ended.out
    runs = desk.run("status", "--json")
    last = json.loads(runs.out)[0]["id"]
    told = {"release": ended, "logs": desk.run("logs", last), "status": desk.run("status", last)}
    for name, one in told.items():
        assert not [text for text in SHOWN if text not in one.out], (name, one.out)
        assert not [text for text in OBEYED if text in one.out + one.err], name


@pytest.mark.parametrize("hidden", [CLIPBOARD, BIDI, "\u2066evil\u2069", "zero\u200bwidth"])
def test_names_of_files_are_text_in_the_plan(desk: Desk, hidden: str) -> None:
    """A file that nobody committed, whose name would act on the terminal or hide its end."""
    desk.write(f"left-{hidden}-over [red].txt", "")
    told = desk.run("plan", "minor")
    assert "-over [red].txt" in told.out, told.out + told.err
    assert not [one for one in OBEYED if one in told.out + told.err]


@pytest.mark.parametrize("setting", [BIDI, "zero\u200bwidth"])
def test_hidden_characters_of_a_setting_are_shown_where_they_are_refused(desk: Desk, setting: str) -> None:
    settle(desk, f"approvers = [{json.dumps(setting)}]")
    desk.push()
    told = desk.run("plan", "minor")
    assert told.code == 2
    assert json.dumps(setting)[1:-1] in told.out
    assert not [one for one in OBEYED if one in told.out + told.err]


@pytest.mark.parametrize("kind", FORGERIES)
@pytest.mark.parametrize("place", ["tested", "workflow", "step"])
def test_a_text_of_others_forges_nothing_in_a_brief(place: str, kind: str) -> None:
    """There is one heading and the tables of ours: the fingerprint's row is the question's, and comes last."""
    question = forged_briefs(FORGERIES[kind])[place]
    check_page(question.brief, set())
    found = read_as_markdown(question.brief)
    assert [one.type for one in found].count("heading_open") == 1
    cells = [found[number + 1] for number, one in enumerate(found) if one.type == "td_open"]
    said = [one.content.replace("`", "").replace(" ", "") for one in cells]
    assert said.count("fingerprint") == 1
    assert said[said.index("fingerprint") + 1] == question.fingerprint
    assert said[-2] == "fingerprint"


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


def approve(desk: Desk, run: FlowRun, tmp_path: Path, decision: str = "approve") -> Any:
    """`lockgate approve --key`, with a key that was made now."""
    key = tmp_path / "ann"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=60)
    return desk.run("approve", str(run.id), "--decision", decision, "--name", "ann", "--key", str(key))


def signed_for(client: SyncPrefectClient, run: FlowRun, fingerprint: str, tmp_path: Path) -> bool:
    """Whether the answer that the run was given is signed, and for this fingerprint."""
    (given,) = client.filter_flow_run_input(run.id, "paused-tests-0-response", 10, set())
    (tmp_path / "signature").write_text(given.decoded_value["signature"])
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", "lockgate", "-s", str(tmp_path / "signature")]
    return subprocess.run(command, input=fingerprint.encode(), capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize(("place", "kind"), [("tested", "a row"), ("step", "a heading"), ("workflow", "an image")])
def test_who_signs_signs_the_stored_evidence_whatever_the_brief_says(
    desk_with_prefect: Desk, client: SyncPrefectClient, tmp_path: Path, place: str, kind: str
) -> None:
    """Even a brief that somebody wrote whole, whose first row is a forged fingerprint."""
    question = forged_briefs(FORGERIES[kind])[place]
    run = pause(client, question, brief=f"{ROW}\n\n{question.brief}")
    ended = approve(desk_with_prefect, run, tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert signed_for(client, run, question.fingerprint, tmp_path)
    assert not signed_for(client, run, FORGED * 2, tmp_path)
    signed = ended.out.partition("You sign this")[2]
    assert ["fingerprint", question.fingerprint] in [line.split() for line in signed.splitlines()]
    assert ["version", "1.1.0"] in [line.split() for line in signed.splitlines()]


@pytest.mark.parametrize(
    "stored",
    [
        {"fingerprint": FORGED * 2},
        {"evidence": {"version": "6.6.6", "commit": COMMIT}},
        {"checkpoint": "publish"},
    ],
    ids=["fingerprint", "evidence", "checkpoint"],
)
def test_a_fingerprint_that_does_not_fit_the_evidence_is_not_signed(
    desk_with_prefect: Desk, client: SyncPrefectClient, tmp_path: Path, stored: dict[str, Any]
) -> None:
    question = forged_briefs("the night build")["tested"]
    run = pause(client, question, **stored)
    ended = approve(desk_with_prefect, run, tmp_path)
    assert ended.code == 1, ended.out
    assert "is not that of its evidence" in ended.out
    assert client.filter_flow_run_input(run.id, "paused-tests-0-response", 10, set()) == []
    assert client.read_flow_run(run.id).state_name == "Paused"


def test_a_question_of_another_shape_is_refused_and_spoils_no_list(
    desk_with_prefect: Desk, client: SyncPrefectClient, tmp_path: Path
) -> None:
    run = pause(client, forged_briefs("x")["tested"])
    name = f"{PREFIX}paused-tests-0"
    client.delete_flow_run_input(run.id, name)
    client.create_flow_run_input(run.id, name, '{"title": "\\u001b]0;approved\\u0007", "brief": 7}')
    ended = approve(desk_with_prefect, run, tmp_path)
    assert (ended.code, "cannot be read" in ended.out) == (1, True)
    assert "a question that cannot be read" in desk_with_prefect.run("status").out


def test_a_message_about_a_run_holds_nothing_of_others_but_words(
    client: SyncPrefectClient, receiver: Any, tmp_path: Path
) -> None:
    """Through Prefect's automation, whose template makes the state's message plain."""
    block = f"words-{tmp_path.name[-20:].replace('_', '-')}"
    body = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name=block, url=receiver.url, json_data=body).save(block)
    notifying.notify_through(f"custom-webhook/{block}")
    deployment = client.create_deployment(client.create_flow_from_name("release"), block, tags=["lockgate"])
    run = client.create_flow_run_from_deployment(deployment, name=f"demo {IMAGE}")
    client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(run.id, Failed(name="Refused", message=f"<!channel> @everyone\n# {WORDS}"), force=True)
    message = until(lambda: receiver.received, "the notification", 60)[0]
    for name in notifying.KINDS:
        for one in client.read_automations_by_name(name):
            client.request("DELETE", "/automations/{id}", path_params={"id": one.id})
    said = message["subject"] + message["body"].replace(str(run.id), "").rpartition(" http")[0]
    assert "‹!channel› (at)everyone / # ∗∗Grace∗∗ [page] (http[:]//evil.example/)" in said
    assert not [one for one in ("<", ">", "](", "://", "@", "*", "`", "\n") if one in said], said


def let_the_tests_say(desk: Desk, text: str, *more: str, code: int = 0) -> None:
    """Push a test command that prints this text, each line of it, and ends with this code; `more` are words of the command."""
    said = f"import sys\nsys.stdout.reconfigure(encoding='utf-8')\nprint({text!r})\nsys.exit({code})\n"
    desk.write("tests/loud.py", said)
    settle(desk, f"test-command = {json.dumps([sys.executable, 'tests/loud.py', *more])}")
    desk.push()


def settle(desk: Desk, setting: str) -> None:
    """Write a setting of the project."""
    kept = (desk.checkout / "pyproject.toml").read_text()
    desk.write("pyproject.toml", f"{kept}\n[tool.lockgate]\n{setting}\n")
