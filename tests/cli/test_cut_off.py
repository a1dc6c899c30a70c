"""A release whose flow could not tell its own end: what it came to is read from its record."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from cli.releasing import cut_off
from lockgate.errors import UnavailableError
from lockgate.outcome import ExitCode
from tests.stages import TAG, Stages


@pytest.mark.parametrize(
    ("at", "error", "code", "is_out"),
    [
        ("export", RuntimeError("the server is gone"), ExitCode.REFUSED, False),
        ("wait", RuntimeError("the server is gone"), ExitCode.STOPPED_AFTER_TAG, True),
        ("export", KeyboardInterrupt(), ExitCode.INTERRUPTED, False),
        ("wait", KeyboardInterrupt(), ExitCode.INTERRUPTED, True),
    ],
)
def test_the_exit_code_says_whether_the_tag_is_out(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, error: BaseException, code: int, is_out: bool
) -> None:  # fmt: skip
    with stages.copy(at, tmp_path / "stage") as stage:
        for name, value in stage.environ().items():
            monkeypatch.setenv(name, value)
        made = cut_off(stage.request(), error)
    assert (made.exit_code, made.tag_is_out, made.tag) == (code, is_out, TAG)
    assert [one.seen for one in made.refusals] == (
        [] if isinstance(error, KeyboardInterrupt) else ["RuntimeError: the server is gone"]
    )


@pytest.mark.parametrize("error", [RuntimeError("the server is gone"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("at", "reachable"), [("wait", False), ("end", True)], ids=["origin is gone", "the release had just ended"]
)
def test_nothing_is_claimed_of_what_cannot_be_seen(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, at: str, reachable: bool
) -> None:  # fmt: skip
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UnavailableError
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(stages.copy(at, tmp_path / "stage"))
        for name, value in stage.environ().items():
            monkeypatch.setenv(name, value)
        request = stage.request()
        if not reachable:
            stack.close()
        with pytest.raises(expected):
            cut_off(request, error)
