"""The commands for releases that Prefect runs: start everything, look, approve, abort, read logs."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cli.run_printing import show_run, show_runs
from cli.running import open_console, told

PORT = 4200
RUNS_AT_A_TIME = 4
TAKEN_UP = 3
RUNS_HELP = "How many releases may work here at a time; waiting ones do not count"
TAKE_UP_HELP = "How often a run whose process vanished is started again by itself"

Run = Annotated[
    str, Parameter(help="The run: its id, the beginning of it, or its name; empty: the only one that waits.")
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")]


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
    take_up: Annotated[int, Parameter(help=TAKE_UP_HELP)] = TAKEN_UP,
) -> int:
    """Run Prefect's server, a worker, the deployments and the automations until Ctrl-C; started again it continues what waited.

    State is kept in LOCKGATE_HOME (or ~/.lockgate); with --sandbox, in its folder. Only this machine reaches the pages; set
    PREFECT_SERVER_API_AUTH_STRING=admin:… to ask for a password.
    """
    console = open_console(as_json=False)

    def run() -> None:
        from cli.stand_ins import open_sandbox, use
        from cli.up import alone, run_up
        from planning.release import home_of

        with contextlib.ExitStack() as stack:
            stack.enter_context(alone(sandbox.absolute() if sandbox else home_of(os.environ)))
            preset = repository
            if sandbox is not None:
                preset = use(stack.enter_context(open_sandbox(sandbox, repository, slug)))
                console.print("[bold yellow]SANDBOX: nothing that is released here is released.[/]")
            run_up(console, preset, port, runs, take_up)

    return told(console, run)


def worker(
    *,
    runs: Annotated[int, Parameter(help=RUNS_HELP)] = RUNS_AT_A_TIME,
    take_up: Annotated[int, Parameter(help=TAKE_UP_HELP)] = TAKEN_UP,
) -> int:
    """Run a worker of this machine for the Prefect server that PREFECT_API_URL names, until Ctrl-C.

    It takes up this machine's runs whose process vanished, and starts itself again. Set LOCKGATE_STORE to the shared store.
    """
    console = open_console(as_json=False)

    def run() -> None:
        from cli.up import alone, run_worker
        from planning.release import home_of

        with alone(home_of(os.environ)):
            run_worker(console, runs, take_up)

    return told(console, run)


def status(run: Run = "", /, *, as_json: AsJson = False) -> int:
    """Say what the releases on a Prefect server do, or one RUN with what it asks."""
    from cli import runs

    console = open_console(as_json=as_json)

    def show() -> None:
        with runs.connected() as client:
            if run:
                one = runs.find(client, run)
                show_run(console, runs.view(client, one), runs.read_question(client, one), as_json=as_json)
            else:
                show_runs(console, [runs.view(client, one) for one in runs.recent(client)], as_json=as_json)

    return told(console, show)


def approve(
    run: Run = "",
    /,
    *,
    decision: Annotated[
        str, Parameter(help="approve or decline; at a conflict: retry, another version, commit, abort.")
    ] = "",
    name: Annotated[str, Parameter(help="Who answers.")] = "",
    note: Annotated[str, Parameter(help="What shall be kept with the answer.")] = "",
    version: Annotated[str, Parameter(help="At a conflict: the other version.")] = "",
    key: Annotated[
        Path | None, Parameter(help="Sign the approval with this SSH key (a public one: by the agent).")
    ] = None,
) -> int:
    """Show what a waiting RUN asks, ask for the answer (or take it from the options), and resume the run."""
    from cli import answering, runs

    console = open_console(as_json=False)
    given = {"decision": decision, "approver": name, "note": note, "version": version}

    def resume() -> None:
        with runs.connected() as client:
            one = runs.find(client, run)
            answering.answer_run(console, client, one, given, key)

    return told(console, resume)


def abort(run: Run = "", /) -> int:
    """Cancel a RUN; what it did so far is found and kept when the same release is started again."""
    from cli import runs

    console = open_console(as_json=False)

    def end() -> None:
        with runs.connected() as client:
            one = runs.find(client, run)
            console.print(f"{one.name}: {runs.abort(client, one)}", markup=False, highlight=False)

    return told(console, end)


def logs(
    run: Run = "",
    /,
    *,
    follow: Annotated[bool, Parameter(negative="", help="Go on until the run is over.")] = False,
    as_json: AsJson = False,
) -> int:
    """Print the log of a RUN."""
    from cli import runs

    console = open_console(as_json=False)

    def read() -> None:
        with runs.connected() as client:
            for line in runs.log_lines(client, runs.find(client, run), follow=follow):
                print(
                    json.dumps(line) if as_json else f"{line['time'][11:19]} {line['level']:<8} {line['message']}",
                    flush=True,
                )

    return told(console, read)


def unlock(repository: str = ".", /) -> int:
    """Take the turn of a REPOSITORY from a run that is lost for good, so that another release can start."""
    console = open_console(as_json=False)

    def free() -> None:
        from planning import turns
        from planning.release import locate, slug_for, store_of

        slug = slug_for(locate(repository)[0])
        claim = turns.read_claim(store_of(os.environ), slug)
        if claim is None:
            console.print(f"Nobody has the turn of {slug}.", highlight=False)
        else:
            turns.give_back(store_of(os.environ), slug, claim.run)
            console.print(f"{claim.name} (run {claim.run}) had the turn of {slug} since {claim.since}; it is free now.")

    return told(console, free)
