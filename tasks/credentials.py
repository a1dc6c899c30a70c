"""Where a worker's token comes from: the environment, or a Prefect Secret block that is read at the moment of use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from prefect.blocks.system import Secret

BLOCK = "LOCKGATE_TOKEN_BLOCK"
TOKEN = "GH_TOKEN"  # noqa: S105 - the name of the variable


class WorkerEnvironment(Mapping[str, str]):
    """This process's environment; with LOCKGATE_TOKEN_BLOCK set, GH_TOKEN is what the Secret block of that name holds.

    The block is loaded at each look, so that the token stays in no variable, and a new one counts at once.
    """

    def __getitem__(self, name: str) -> str:
        if name == TOKEN and (block := os.environ.get(BLOCK)):
            secret = Secret.load(block, _sync=True)  # type: ignore[call-arg] # taken out by Prefect's own dispatcher
            return str(secret.get())
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**os.environ, **({TOKEN: ""} if os.environ.get(BLOCK) else {})})

    def __len__(self) -> int:
        return sum(1 for _ in self)
