"""The worker's token, on a real Prefect server."""

from __future__ import annotations

import pytest
from prefect.blocks.system import Secret
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from clients.github import github_token
from lockgate.errors import SettingsError, UnavailableError
from tasks.credentials import WorkerEnvironment


def test_token_comes_from_the_environment_without_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "from-the-environment")
    assert WorkerEnvironment()["GH_TOKEN"] == "from-the-environment"


def test_token_of_a_block_is_read_at_every_use(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "from-the-environment")
    monkeypatch.setenv("LOCKGATE_TOKEN_BLOCK", "release-token")
    environ = WorkerEnvironment()
    for value in ("first-token", "second-token"):
        Secret(value=value).save("release-token", overwrite=True)
        token = github_token(environ)
        assert token is not None
        assert token.reveal() == value


def test_missing_block_is_an_error_and_no_other_token(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "from-the-environment")
    monkeypatch.setenv("LOCKGATE_TOKEN_BLOCK", "no-such-block")
    with pytest.raises(SettingsError, match=r"names the Secret block 'no-such-block'.*make it in Prefect"):
        github_token(WorkerEnvironment())


def test_server_that_does_not_answer_is_an_outage(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKGATE_TOKEN_BLOCK", "release-token")
    nobody = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(nobody), pytest.raises(UnavailableError, match="did not give the Secret block"):
        github_token(WorkerEnvironment())
