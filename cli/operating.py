"""The commands for releases that Prefect runs: start everything, look, approve, abort, read logs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from cli.console import open_console, say
from cli.run_printing import show_run, show_runs
from cli.running import mind_packages, told

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

PORT = 4200
RUNS_AT_A_TIME = 4
TAKEN_UP = 3
RUNS_HELP = "How many releases may work here at a time; waiting ones do not count."
TAKE_UP_HELP = "How often a run whose process vanished is started again by itself."

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
    runs: Annotated[int, Parameter(help=f"{RUNS_HELP} 0: no worker here.")] = RUNS_AT_A_TIME,
    take_up: Annotated[int, Parameter(help=TAKE_UP_HELP)] = TAKEN_UP,
) -> int:
    """Run Prefect on this machine, set up for releases, until Ctrl-C; started again it goes on.

    That is its server, a worker, the deployments and the automations. State is kept in LOCKGATE_HOME (or ~/.lockgate);
    with --sandbox, in its folder. Only this machine reaches the pages, which ask for a password: a random one that is told
    here, or PREFECT_SERVER_API_AUTH_STRING=NAME:PASSWORD.
    """
    console = open_console(as_json=False)

    def run() -> None:
        from cli.stand_ins import open_sandbox, print_banner, use
        from cli.up import alone, run_up
        from planning.release import home_of

        mind_packages(console, starts=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(alone(sandbox.absolute() if sandbox else home_of(os.environ)))
            preset = repository
            if sandbox is not None:
                preset = use(stack.enter_context(open_sandbox(sandbox, repository, slug)))
                print_banner(console)
            run_up(console, preset, port, runs, take_up)

    return told(console, run)


def worker(
    *,
    runs: Annotated[int, Parameter(help=RUNS_HELP)] = RUNS_AT_A_TIME,
    take_up: Annotated[int, Parameter(help=TAKE_UP_HELP)] = TAKEN_UP,
) -> int:
    """Run a worker on this machine for a Prefect server elsewhere, until Ctrl-C.

    PREFECT_API_URL names the server. It takes up this machine's runs whose process vanished, and starts itself again.
    Set LOCKGATE_STORE to the shared store.
    """
    console = open_console(as_json=False)

    def run() -> None:
        from cli.up import alone, run_worker
        from planning.release import home_of

        mind_packages(console, starts=False)
        with alone(home_of(os.environ)):
            run_worker(console, runs, take_up)

    return told(console, run)


def deploy(
    *,
    repository: Annotated[str, Parameter(help="The default in the form of a release: a URL, best of all.")] = "",
    notify: Annotated[str, Parameter(help="The notification block (TYPE/NAME) that tells of waits and ends.")] = "",
    as_json: AsJson = False,
) -> int:
    """Set up a Prefect server for releases, or bring what is there up to date.

    Work pool, deployments and automations are made, and nothing twice. The server is the one of PREFECT_API_URL, or of
    this machine's `lockgate up` (which does this itself). Runs start in this checkout's folder with its Python, so
    every worker needs both at the same path.
    """

    def set_up(_client: SyncPrefectClient, console: Console) -> None:
        from cli import deploying

        made = deploying.deploy(repository, notify)
        if as_json:
            print(json.dumps(made, indent=2))
        for what, names in made.items():
            said = names if isinstance(names, str) else ", ".join(names)
            say(console, f"{what.replace('_', ' '):<11} {said}")

    return _on_server(set_up, as_json=as_json)


def status(run: Run = "", /, *, as_json: AsJson = False) -> int:
    """Say what the releases do and what waits for a person, or one RUN with what it asks.

    This and the commands below it ask the server of PREFECT_API_URL, or of this machine's `lockgate up`.
    """

    def show(client: SyncPrefectClient, console: Console) -> None:
        from cli import runs

        if run:
            one = runs.find(client, run)
            show_run(console, runs.view(client, one), runs.read_question(client, one), as_json=as_json)
        else:
            show_runs(console, [runs.view(client, one) for one in runs.recent(client)], as_json=as_json)

    return _on_server(show, as_json=as_json)


def approve(
    run: Run = "",
    /,
    *,
    decision: Annotated[
        str,
        Parameter(
            help="approve, decline or abort; at a conflict: retry, another version, commit, abort; after an abort, about what is"
            " public: yes or no."
        ),
    ] = "",
    name: Annotated[str, Parameter(help="Who answers; otherwise the name of this account.")] = "",
    note: Annotated[str, Parameter(help="What shall be kept with the answer.")] = "",
    version: Annotated[str, Parameter(help="At a conflict: the other version.")] = "",
    key: Annotated[
        Path | None, Parameter(help="Sign the approval with this SSH key (a public one: by the agent).")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what a waiting RUN asks, take the answer here or from the options, and resume it."""
    given = {"decision": decision, "approver": name, "note": note, "version": version}

    def resume(client: SyncPrefectClient, console: Console) -> None:
        from cli import answering, runs

        one = runs.find(client, run)
        answer = answering.answer_run(console, client, one, given, key)
        if as_json:
            print(json.dumps({**runs.as_data(runs.view_now(client, one)), "answer": answer}, indent=2))

    return _on_server(resume, as_json=as_json)


def logs(
    run: Run = "",
    /,
    *,
    follow: Annotated[bool, Parameter(negative="", help="Go on until the run is over.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print each line as JSON.")] = False,
) -> int:
    """Print the log of a RUN."""

    def read(client: SyncPrefectClient, console: Console) -> None:
        from cli import runs

        for line in runs.log_lines(client, runs.find(client, run), follow=follow):
            if as_json:
                print(json.dumps(line), flush=True)
            else:
                say(console, f"{line['time'][11:19]} {line['level']:<8} {line['message']}")

    return _on_server(read, as_json=as_json)


def unlock(
    repository: Annotated[str, Parameter(help="The project's folder or the repository's URL.")] = ".",
    /,
    *,
    as_json: AsJson = False,
) -> int:
    """Let another release of a REPOSITORY start although a run that is lost for good has the turn."""
    console = open_console(as_json=as_json)

    def free() -> None:
        from planning import turns
        from planning.release import locate, slug_for, store_of

        slug = slug_for(locate(repository)[0])
        claim = turns.read_claim(store_of(os.environ), slug)
        if claim is None:
            console.print(f"Nobody has the turn of {slug}.")
        else:
            turns.give_back(store_of(os.environ), slug, claim.run)
            console.print(f"{claim.name} (run {claim.run}) had the turn of {slug} since {claim.since}; it is free now.")
        if as_json:
            print(json.dumps({"repository": slug, "taken_from": asdict(claim) if claim else None}, indent=2))

    return told(console, free, as_json=as_json)


def _on_server(use: Callable[[SyncPrefectClient, Console], None], *, as_json: bool) -> int:
    """Do something with a client of the server; people read on standard error when standard output is JSON."""
    console = open_console(as_json=as_json)

    def connect() -> None:
        from cli import runs

        mind_packages(console, starts=False)
        with runs.connected() as client:
            use(client, console)

    return told(console, connect, as_json=as_json)
