"""`lockgate abort`: end a run, and take back what a release left, item by item."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from cli.console import confirm, open_console, say
from cli.running import environment, mind_packages, told, user
from lockgate.errors import LockgateError, Problem, RefusedError, SettingsError, refused
from lockgate.outcome import ExitCode
from lockgate.request import Request
from lockgate.versions import parse_version

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from lockgate.undo import Item, Traces
    from planning.release import Release

LOCK_SECONDS = 20.0


def abort(
    what: Annotated[
        str,
        Parameter(
            help="A RUN that is under way (its id, the beginning of it, or its name), or the VERSION of a release that is not:"
            " 1.4.0, or v2026 where 2026 could be an id. Empty: the only run that waits."
        ),
    ] = "",
    /,
    *,
    repository: Annotated[str, Parameter(help="With a VERSION: the project's folder or the repository's URL.")] = ".",
    branch: Annotated[
        str, Parameter(help="With a VERSION: the release branch; otherwise the one that origin's HEAD names.")
    ] = "",
    sandbox: Annotated[
        Path | None, Parameter(help="With a VERSION: use the stand-ins that are kept in this folder.")
    ] = None,
    slug: Annotated[str, Parameter(name="--as", help="OWNER/NAME of the repository in the sandbox.")] = "",
    yes: Annotated[
        bool, Parameter(negative="", help="Undo without asking; what is public is left as it is, and told.")
    ] = False,
    note: Annotated[str, Parameter(help="Why; kept in the release's record.")] = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")] = False,
) -> int:
    """Give a release up: end its RUN if it has one, list what it left, and take that back item by item.

    Undone are draft, unpublished tag and local commits; a publish run is cancelled first. Before each thing that cannot be taken
    back itself, such as the commit that reverts the release's commits on the branch, it asks; without a terminal that is
    left and told. What is burnt is recorded and not released again. Said twice it does nothing twice. Exit code 1: something
    is left that could be taken back; 3: the tag is out.
    """
    console = open_console(as_json=as_json)
    version = version_in(what)
    os.environ.setdefault("DO_NOT_TRACK", "1")  # what acts on a release loads Prefect, which would say that it counts

    def by_version() -> ExitCode:
        if not (yes or _is_terminal()):
            raise SettingsError(
                Problem(
                    "standard input or output is no terminal, and nobody can be asked", "a terminal, or --yes",
                    "add --yes to undo what nobody saw; what is public is left and told",
                )
            )  # fmt: skip
        with contextlib.ExitStack() as stack:
            place = _sandboxed(stack, console, sandbox, repository, slug)
            request = Request(place, version, branch, requested_by=user())
            seen, items = give_up(console, request, yes=yes, note=note)
        if as_json:
            print(json.dumps(_data(seen, items), indent=2))
        return _code(seen, items)

    def by_run() -> ExitCode:
        from cli import runs

        mind_packages(console, starts=False)
        with runs.connected() as client:
            return _abort_run(console, client, what, yes=yes, note=note, as_json=as_json)

    return told(console, by_version if version else by_run, as_json=as_json)


def version_in(what: str) -> str:
    """The version that is named, "" when it is a run: what may be the beginning of an id is one."""
    from cli.runs import ID

    try:
        return "" if not what or ID.fullmatch(what) else str(parse_version(what))
    except SettingsError:
        return ""


def give_up(console: Console, request: Request, *, yes: bool, note: str) -> tuple[Traces, tuple[Item, ...]]:
    """List what a release left, ask about what is public, and take it back; what was seen, and what became of each item.

    Raises BusyError while a run of the repository has the turn, RefusedError for a version that was never begun.
    """
    with _alone(request):  # first: what is loaded below reads only once where the server is
        from lockgate.undo import items_of
        from planning.opening import open_release
        from planning.undoing import command, never_began
        from tasks.undoing import look_back, take_back

        release = open_release(request, environment())
        seen = look_back(release)
        if never_began(seen):
            raise _unknown(release)
        items = items_of(seen)
        _show(console, seen, items)
        wanted = {one.key for one in items if not one.irreversible or (not yes and _consents(console, one))}
        done = take_back(release, seen, wanted, by=request.requested_by, note=note)
    _show_end(console, seen, done, command(release, "abort"), command(release, "release"))
    return seen, done


def _unknown(release: Release) -> RefusedError:
    return refused(
        f"neither the store nor origin knows of a release of {release.label}, and nothing of it is to be seen",
        "a version whose release was begun", "see `lockgate status` and the tags; say it where that release's store is",
    )  # fmt: skip


@contextlib.contextmanager
def _alone(request: Request) -> Iterator[None]:
    """Have the repository to oneself; raises BusyError while a run has the turn, or a process works in the workspace."""
    from cli.runs import find_server
    from clients import locks
    from lockgate.claims import BusyError, decide_turn, judge_holder
    from planning import turns
    from planning.opening import check_request
    from planning.release import home_of, slug_for, store_of, workspace_of

    with contextlib.suppress(SettingsError):  # its password, to ask what became of who has the turn; where there is one
        find_server()
    from flows.turns import state_of  # loads Prefect, which reads where the server is only once

    environ = environment()
    slug = slug_for(check_request(request)[0])
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with locks.hold(workspace_of(environ, slug)) as free:
            if free:
                claim = turns.read_claim(store_of(environ), slug)
                if claim is not None:
                    here = (claim.host, claim.home) == (locks.here(), str(home_of(environ)))
                    state = state_of(claim.run, claim.server) if claim.server else None
                    holder = judge_holder(state, False if here else None, suspends=claim.suspends)
                    decide_turn(claim, "", holder)
                yield
                return
        if time.monotonic() > deadline:
            problem = Problem(
                f"another process works in the workspace of {slug}", "one at a time",
                "wait for it; or end it, as `lockgate status` shows it",
            )  # fmt: skip
            raise BusyError(problem)


def _abort_run(
    console: Console, client: SyncPrefectClient, what: str, *, yes: bool, note: str, as_json: bool
) -> ExitCode:
    from cli import runs

    one = runs.find(client, what)
    say(console, f"{one.name}: {runs.abort(client, one)}")
    items: tuple[Item, ...] = ()
    code = ExitCode.RELEASED
    request = request_of(one)
    if request is not None:
        try:
            if yes or _is_terminal():
                seen, items = give_up(console, request, yes=yes, note=note)
                code = _code(seen, items)
            else:
                items = _list(console, request)
        except LockgateError as error:
            told = f"What it left cannot be taken back from here: {error}"
            say(console, (told, "yellow"))
    if as_json:
        data = runs.as_data(runs.view_now(client, one))
        print(json.dumps({**data, "items": [asdict(item) for item in items]}, indent=2))
    return code


def request_of(run: FlowRun) -> Request | None:
    """The release that a run was at work on, when this machine's store has its record; a run is named by project and version."""
    from planning import record
    from planning.release import locate, slug_for, store_of

    asked: Any = run.parameters.get("request", {})
    version = version_in(run.name.rpartition(" ")[2])
    if not version or not isinstance(asked, dict):
        return None
    repository, branch = str(asked.get("repository", "")), str(asked.get("branch", ""))
    try:
        slug = slug_for(locate(repository)[0])
    except SettingsError:
        return None
    if not record.is_kept(store_of(environment()), slug, version):
        return None
    return Request(repository, version, branch, requested_by=user())


def _list(console: Console, request: Request) -> tuple[Item, ...]:
    """Only say what is there: nobody can be asked, and nobody said --yes."""
    from lockgate.undo import items_of
    from planning.opening import open_release
    from planning.undoing import command, look_for_traces

    with _alone(request):
        release = open_release(request, environment())
        seen = look_for_traces(release)
    items = items_of(seen)
    _show(console, seen, items)
    if items:
        say(console, f"Nothing of it was touched. Take it back: {command(release, 'abort')}")
    return items


def _sandboxed(stack: contextlib.ExitStack, console: Console, folder: Path | None, repository: str, slug: str) -> str:
    if folder is None:
        return repository
    from cli.stand_ins import open_sandbox, print_banner, use

    running = stack.enter_context(open_sandbox(folder, repository, slug))
    print_banner(console)
    return use(running)


def _show(console: Console, seen: Traces, items: tuple[Item, ...]) -> None:
    say(console, f"What the release of {seen.label} left:")
    for one in items:
        say(console, f"  {one.kind:<12} {one.sentence}")
    if not items:
        say(console, "  nothing")


def _show_end(console: Console, seen: Traces, items: tuple[Item, ...], undo: str, go_on: str) -> None:
    for one in (one for one in items if one.does):
        say(console, f"  {one.state:<12} {one.what}{one.why and f' ({one.why})'}")
    if any(one.state == "left" for one in items):
        then = f"Take back the rest on a terminal: {undo}"
    elif seen.is_out:
        then = f"Its tag is out: take {seen.following} next."
    else:
        then = f"Begin it anew when it is right: {go_on}"
    say(console, f"{seen.label} is given up. {then}")


def _consents(console: Console, item: Item) -> bool:
    return confirm(console, f"{item.what}. {item.does.capitalize()}? It cannot be taken back.")


def _code(seen: Traces, items: tuple[Item, ...]) -> ExitCode:
    if seen.is_out:
        return ExitCode.STOPPED_AFTER_TAG
    return ExitCode.REFUSED if any(one.state == "left" for one in items) else ExitCode.RELEASED


def _data(seen: Traces, items: tuple[Item, ...]) -> dict[str, object]:
    told = {"version": seen.version, "tag": seen.tag, "tag_is_out": seen.is_out, "next": seen.following}
    return {"exit_code": int(_code(seen, items)), **told, "items": [asdict(one) for one in items]}


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
