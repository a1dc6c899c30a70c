"""`lockgate audit`: who asked for a release, who answered what, what was done; and whether all of it can still be verified."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from cli.aborting import version_in
from cli.console import open_console, say, styled
from cli.printing import print_problems
from cli.running import environment, told
from lockgate.errors import Problem, SettingsError
from lockgate.outcome import ExitCode
from lockgate.request import Request

if TYPE_CHECKING:
    from planning.auditing import Audit


def audit(
    what: Annotated[str, Parameter(help="A version, or the id of a run (its beginning is enough).")] = "",
    /,
    *,
    repository: Annotated[str, Parameter(help="The project's folder or the repository's URL.")] = ".",
    public_key: Annotated[
        bool, Parameter(negative="", help="Print the public keys that others verify this installation's fixtures with.")
    ] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")] = False,
) -> int:
    """Tell who asked for a release, who answered what and what was done, and verify all of it; nothing is changed.

    Verified are the seals of record and log, the log's chain, the fixture's envelope on origin, each answer's fingerprint and
    signature, the release commit, the tag and the digests in it. Exit code 1: something does not verify, and it says what.
    """
    console = open_console(as_json=as_json)

    def run() -> ExitCode:
        if public_key:
            _print_keys(as_json=as_json)
            return ExitCode.RELEASED
        if not what:
            raise SettingsError(Problem("nothing to audit is named", "a version, or the id of a run", "say which"))
        found = _look(what, repository)
        problems = _problems(found)
        code = ExitCode.REFUSED if problems else ExitCode.RELEASED
        if as_json:
            print(json.dumps(_data(found, code, problems), indent=2))
        else:
            _print(console, found)
        print_problems(console, problems)
        return code

    return told(console, run, as_json=as_json)


def _print_keys(*, as_json: bool) -> None:
    from planning.release import keys_of

    keys = keys_of(environment()).public_keys
    sys.stdout.write(
        json.dumps([asdict(one) for one in keys], indent=2) + "\n" if as_json else "".join(one.pem for one in keys)
    )


def _look(what: str, repository: str) -> Audit:
    from planning import auditing
    from planning.opening import open_release
    from planning.outlook import beside
    from planning.release import locate, slug_for, store_of
    from planning.survey import look_at_origin

    version = version_in(what)
    if not version:
        slug = slug_for(locate(repository)[0])
        version = auditing.find_version(store_of(environment()), slug, what.lower())
    release = open_release(Request(repository, version), beside(environment()))
    return auditing.look(release, look_at_origin(release))


def _data(found: Audit, code: ExitCode, problems: tuple[Problem, ...]) -> dict[str, object]:
    ended = {"exit_code": int(code), "problems": [asdict(one) for one in problems]}
    log, checks = [asdict(one) for one in found.entries], [asdict(one) for one in found.checks]
    return {**ended, "fixture": asdict(found.fixture) if found.fixture else None, "log": log, "checks": checks}


def _print(console: Console, found: Audit) -> None:
    lines = [(one.time, one.event) for one in found.entries] or [("", one) for one in found.events]
    if found.fixture:
        say(console, (f"{found.fixture.project} {found.fixture.version}", "bold"), f" of {found.fixture.repository}")
    table = _table(
        "The log" if found.entries else "What the record tells (no log is here)", "written", "what", "who", "details"
    )
    for time, event in lines:
        table.add_row(time, event.what, event.who, _details(event.details))
    console.print(table)
    checks = _table("\nVerified", "", "what", "seen")
    for one in found.checks:
        checks.add_row(styled(("yes", "green") if one.holds else ("NO", "red")), one.what, one.seen)
    console.print(checks)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, expand=True)
    for column in columns:
        table.add_column(column, overflow="fold", vertical="top")
    return table


def _details(details: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in details.items())


def _problems(found: Audit) -> tuple[Problem, ...]:
    """What does not verify; and that nothing is proved, where nothing is."""
    wanted, then = "that it verifies", "find out who wrote there, and when"
    failed = [Problem(f"{one.what}: {one.seen}", wanted, then) for one in found.checks if not one.holds]
    if found.fixture is None:
        failed.append(
            Problem(
                "nothing here proves a record of this release", "one in the store, or a fixture on origin, by this installation",
                "audit it where it was released, with that installation's key",
            )
        )  # fmt: skip
    return tuple(failed)
