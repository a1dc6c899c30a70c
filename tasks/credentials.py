"""Where a worker's token comes from: the environment, or a Prefect Secret block that is read at the moment of use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import cast

import httpx
from prefect.blocks.system import Secret
from prefect.exceptions import PrefectException

from lockgate.errors import Problem, SettingsError, unavailable

BLOCK = "LOCKGATE_TOKEN_BLOCK"
TOKEN = "GH_TOKEN"  # noqa: S105 - the name of the variable


class WorkerEnvironment(Mapping[str, str]):
    """This process's environment; with LOCKGATE_TOKEN_BLOCK set, GH_TOKEN is what the Secret block of that name holds.

    The block is loaded at each look, so that the token stays in no variable, and a new one counts at once.
    """

    def __getitem__(self, name: str) -> str:
        if name == TOKEN and (block := os.environ.get(BLOCK)):
            return _load(block)
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**os.environ, **({TOKEN: ""} if os.environ.get(BLOCK) else {})})

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
