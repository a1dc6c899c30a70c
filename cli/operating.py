"""The commands for releases that Prefect runs: start everything, look, approve, abort, read logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cli.running import guarded, open_console
from lockgate.outcome import ExitCode

PORT = 4200
RUNS_AT_A_TIME = 4
TAKEN_UP = 3


def up(
    *,
    repository: Annotated[str, Parameter(help="The default in the form of a release: a folder or a URL.")] = "",
    sandbox: Annotated[
        Path | None,
        Parameter(help="Use stand-ins for origin, GitHub and the index, kept in this folder, with everything else."),
    ] = None,
    slug: Annotated[str, Parameter(name="--as", help="OWNER/NAME of the repository in the sandbox.")] = "",
    port: Annotated[int, Parameter(help="The port of Prefect's pages on this machine; 0: any free one.")] = PORT,
    runs: Annotated[
        int, Parameter(help="How many releases may work at a time; waiting ones do not count.")
    ] = RUNS_AT_A_TIME,
    take_up: Annotated[
        int, Parameter(help="How often a run whose process vanished is started again by itself.")
    ] = TAKEN_UP,
) -> int:
    """Run Prefect's server, a worker, the deployments and the automations until Ctrl-C; started again it continues what waited.

    State is kept in LOCKGATE_HOME (or ~/.lockgate); with --sandbox, in its folder. Only this machine reaches the pages; set
    PREFECT_SERVER_API_AUTH_STRING=admin:… to ask for a password.
    """
    console = open_console(as_json=False)

    def run() -> int:
        from cli.up import run_up

        if sandbox is None:
            run_up(console, repository, port, runs, take_up)
            return ExitCode.RELEASED
        from cli.stand_ins import open_sandbox, use

        with open_sandbox(sandbox, repository or ".", slug) as running:
            console.print("[bold yellow]SANDBOX: nothing that is released here is released.[/]")
            run_up(console, use(running), port, runs, take_up)
        return ExitCode.RELEASED

    return guarded(console, run, None, as_json=False)
