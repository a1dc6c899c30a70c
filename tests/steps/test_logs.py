"""Step 11: the logs, and the fixture's last commit."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import lockgate
from clients import github_actions
from lockgate.publish_logs import NoLogs
from tasks.actions import keep_logs
from tests.acts import attempt
from tests.stages import FIXTURE, Stage

Make = Callable[[str], Stage]
SECRET = "ghp_" + "a1B2" * 9


def test_upload_lines_and_digest_are_kept_and_the_fixture_comes_last(at: Make) -> None:
    stage = at("logs")
    attempt(stage, "logs")
    kept = stage.fixture().log
    assert kept is not None
    assert any("Uploading lockgate_sample-1.1.0" in line for line in kept.uploads)
    assert stage.open(version="1.1.0").store.has(kept.sha256)
    assert stage.git("show", "--format=", "--name-only", "main") == FIXTURE
    schema = json.loads((Path(lockgate.__file__).parent / "fixture.schema.json").read_text())
    jsonschema.validate(stage.fixture_data(), schema)


def test_logs_that_are_gone_are_recorded_as_gone(at: Make) -> None:
    stage = at("logs")
    stage.sandbox.expire_logs(int(stage.sandbox.runs[-1]["id"]))
    assert "no logs are kept: GitHub keeps the logs of this run no longer (410)" in attempt(stage, "logs").evidence
    kept = stage.fixture().log
    assert kept is not None
    assert (kept.gone, kept.uploads, kept.why) == (True, (), "GitHub keeps the logs of this run no longer (410)")


def test_logs_over_the_cap_are_no_reason_to_fail(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    stage = at("logs")
    work = stage.work("logs")
    run = github_actions.read_run(work.release.hub, int(stage.sandbox.runs[-1]["id"]))
    kept = keep_logs(work, run, limit_bytes=100)
    assert isinstance(kept, NoLogs)
    assert "100" in kept.why
    assert any("The logs are not kept" in line for line in caplog.messages)


def test_what_looks_like_a_token_is_masked(at: Make) -> None:
    stage = at("logs")
    (archive,) = (stage.folder / "sandbox" / "github" / "logs").glob("*.zip")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(
            "0_publish.txt", f"2026-01-01T00:00:00.0000000Z Uploading lockgate_sample-1.1.0.tar.gz {SECRET}\n"
        )
    attempt(stage, "logs")
    kept = stage.fixture().log
    assert kept is not None
    assert kept.uploads == ("Uploading lockgate_sample-1.1.0.tar.gz ***",)
    assert SECRET not in stage.git("show", f"main:{FIXTURE}")
