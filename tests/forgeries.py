"""Texts that mean harm, the questions that they stand in, and what a page makes of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from markdown_it import MarkdownIt
from markdown_it.token import Token
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.input.run_input import keyset_from_base_key
from prefect.states import Paused

from flows.checkpoints import SignedAnswer
from flows.questions import store_question
from lockgate import questions
from lockgate.approvals import Question
from lockgate.artifacts import Artifact
from lockgate.errors import Problem
from lockgate.questions import Subject
from lockgate.runs import RunFailedError
from lockgate.waiting import Waiting
from lockgate.workflow_claims import PublisherClaims

OBEYED = ("\x1b]", "\x9b", "\x07", "\u202e", "\u2028", "\u2066", "\u200b", "\x00")
"""What a terminal would act on, or what hides other characters."""

IMAGE = "![x](http://evil.example/x.png) <img src=http://evil.example/y.png>"
WORDS = f"**Grace** [page](http://evil.example/) <b>bold</b> http://evil.example/z {IMAGE} \u202e`"
COMMIT, FORGED = "a" * 40, "f" * 32
ROW = f"| fingerprint | `{FORGED}` `{FORGED}` |"
FORGERIES = {
    "a row": f"the night build\n\n| evidence | |\n|---|---|\n{ROW}\n",
    "a heading": f"x\n\n## Already approved by Ada\n\n{ROW}",
    "an image": f"x {IMAGE}\n\n---\n\n{ROW}",
    "a closed quotation": f"````\n```\n\n> x\n\n{ROW}\n\n<h2>Already approved by Ada</h2>",
    "hidden words": f"x\u2028{ROW}\u200b\u202e",
}
WHEEL = Artifact("demo-1.1.0-py3-none-any.whl", "b" * 64, 10, "wheel")
SUBJECT = Subject(
    "demo", "1.1.0", "github.com/example/demo", "https://index.example/simple/", COMMIT, "d" * 64, (WHEEL,)
)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read_as_markdown(text: str) -> list[Token]:
    """Everything that a page makes of a text, the inline tokens too."""
    return [token for one in PARSER.parse(text) for token in (one, *(one.children or ()))]


def check_page(text: str, hosts: set[str]) -> None:
    """See that a page loads nothing, and leads to nowhere but to these hosts; no HTML but a line's break."""
    assert not [one for one in OBEYED if one in text], text
    for one in read_as_markdown(text):
        assert one.type not in {"image", "html_block"}, text
        assert one.type != "html_inline" or one.content == "<br>", text
        assert one.type != "link_open" or urlsplit(str(one.attrs["href"])).netloc in hosts, text


def forged_briefs(text: str) -> dict[str, Question]:
    """The questions in which this text of others stands: a request's, a workflow's, a failed run's, and the evidence itself."""
    claims = PublisherClaims("example", "demo", "publish.yml", "pypi", "refs/tags/v1.1.0")
    failure = RunFailedError(Problem(f"'publish' (failure in step {text!r})", "a success", text), run=7, failed=(text,))
    return {
        "tested": questions.ask_for_tests(SUBJECT, tested=text, last=False),
        "workflow": questions.ask_about_publisher(SUBJECT, claims, None, [f"job 'x' has `if: {text}`"], last=True),
        "step": questions.ask_to_rerun(SUBJECT, failure),
    }


def pause(client: SyncPrefectClient, question: Question, brief: str = "", **stored: Any) -> FlowRun:
    """A release that is paused with a question; `stored` is what somebody exchanged in its fields."""
    flow_id = client.create_flow_from_name("release")
    made = client.request("POST", "/flow_runs/", json={"flow_id": str(flow_id), "name": "demo 1.1.0"}).json()
    keys = keyset_from_base_key("paused-tests-0")
    run = client.read_flow_run(UUID(made["id"]))
    client.create_flow_run_input(run.id, keys["schema"], json.dumps(SignedAnswer.model_json_schema()))
    client.create_flow_run_input(run.id, keys["description"], json.dumps(brief or question.brief))
    fields = {
        "checkpoint": question.checkpoint, "starts": question.starts, "fingerprint": question.fingerprint,
        "evidence": dict(question.evidence),
    }  # fmt: skip
    told = (
        str(run.id),
        question.title,
        brief or question.brief,
        ("approve", "decline"),
        ("approver", "note", "signature"),
    )
    store_question(client, "paused-tests-0", Waiting(*told, **fields | stored))
    state = Paused(pause_key="tests-0")
    state.state_details.run_input_keyset = keys
    client.set_flow_run_state(run.id, state, force=True)
    return client.read_flow_run(run.id)
