"""Where a worker's token comes from: the environment, or a Prefect Secret block that is read at the moment of use."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import cast

import httpx
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings

from lockgate.errors import Problem, SettingsError, unavailable
from planning.policies import VARIABLE, VARIABLE_TEXT

BLOCK = "LOCKGATE_TOKEN_BLOCK"
TOKEN = "GH_TOKEN"  # noqa: S105 - the name of the variable


class WorkerEnvironment(Mapping[str, str]):
    """This process's environment; with LOCKGATE_TOKEN_BLOCK set, GH_TOKEN is what the Secret block of that name holds.

    The block is loaded at each look, so that the token stays in no variable, and a new one counts at once. So is the policy that
    Prefect's server keeps in a variable.
    """

    def __getitem__(self, name: str) -> str:
        if name == TOKEN and (block := os.environ.get(BLOCK)):
            return _load(block)
        if name == VARIABLE_TEXT:
            return _policy()
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**os.environ, **({TOKEN: ""} if os.environ.get(BLOCK) else {})})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _policy() -> str:
    """The policy in Prefect's variable, as text; KeyError where there is none, or no server."""
    if not get_current_settings().api.url:
        raise KeyError(VARIABLE_TEXT)
    try:
        with get_client(sync_client=True) as client:
            found = client.read_variable_by_name(VARIABLE)
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise unavailable(
            f"Prefect's server did not say whether it has a policy (variable {VARIABLE!r}): {error}", "a server that answers",
            "see that it runs, and that PREFECT_API_URL and PREFECT_API_AUTH_STRING are its own",
        ) from error  # fmt: skip
    if found is None:
        raise KeyError(VARIABLE_TEXT)
    # An empty one is no policy that demands nothing, but one that nobody can have meant.
    return found.value if isinstance(found.value, str) and found.value.strip() else json.dumps(found.value)


def _load(block: str) -> str:
    try:
        # `_sync` belongs to Prefect's dispatcher; mypy sees the coroutine of the other way as well.
        secret = cast("Secret[str]", Secret.load(block, _sync=True))  # type: ignore[call-arg]
    except ValueError as error:
        problem = Problem(
            f"{BLOCK} names the Secret block {block!r}, and Prefect has none of that name",
            "a Secret block that holds the GitHub token",
            f"make it in Prefect's pages under Blocks, or unset {BLOCK} and set {TOKEN}",
        )
        raise SettingsError(problem) from error
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise unavailable(
            f"Prefect's server did not give the Secret block {block!r}: {error}", "a server that answers",
            "see that it runs, and that PREFECT_API_URL and PREFECT_API_AUTH_STRING are its own",
        ) from error  # fmt: skip
    return secret.get()
