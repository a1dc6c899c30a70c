"""What every command shares: the console, the environment, who asks, and how an error becomes a message and an exit code."""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

from cli import printing
from clients.own_files import for_others_too
from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.installed import BAD, broken_sets
from lockgate.masking import learn_from
from lockgate.outcome import ExitCode, Report, exit_code, refusals_of
from lockgate.proxies import loopback_exceptions, unusable_proxies


def guarded(console: Console, run: Callable[[], int], report: Path | None, *, as_json: bool) -> int:
    """Run, and turn what ends it early into its message, report and exit code; nothing runs when the report cannot be written."""
    try:
        _check_writable(report)
    except SettingsError as error:
        printing.print_problems(console, error.problems)
        return int(ExitCode.SETTINGS)
    try:
        mind_proxies()
        return int(run())
    except LockgateError as error:
        code = exit_code(error, tag_is_out=False)
        made = Report(int(code), "", "", "", "", (), (), refusals_of(error, "version"), {}, "")
        write(made, report, as_json=as_json)
        printing.print_refusals(console, made.refusals)
        return int(code)
    except KeyboardInterrupt:
        console.print("\nInterrupted. The same command goes on from where it was, and does nothing twice.")
        return int(ExitCode.INTERRUPTED)


def told(console: Console, run: Callable[[], object], *, as_json: bool = False) -> int:
    """Run a command that has no report; what ends it early is told with its exit code, as JSON on standard output too.

    The exit code is the one that it gives, or 0 when it gives something else.
    """
    try:
        mind_proxies()
        ended = run()
    except LockgateError as error:
        code = int(exit_code(error, tag_is_out=False))
        if as_json:
            print(json.dumps({"exit_code": code, "problems": [asdict(one) for one in error.problems]}))
        printing.print_problems(console, error.problems)
        return code
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D at a question
        return int(ExitCode.INTERRUPTED)
    return int(ended) if isinstance(ended, ExitCode) else int(ExitCode.RELEASED)


def mind_proxies() -> None:
    """Keep requests to this machine from proxies, here and in child processes, and the environment's secrets from what is written.

    Raises SettingsError for a proxy that cannot be used.
    """
    problems = unusable_proxies(os.environ, socks=importlib.util.find_spec("socksio") is not None)
    if problems:
        raise SettingsError(*problems)
    os.environ.update(loopback_exceptions(os.environ))
    learn_from(os.environ)


def mind_packages(console: Console, *, starts: bool) -> None:
    """Say when packages are installed that are known to break; raises SettingsError where this command starts the server."""
    problems = broken_sets(_versions("prefect", *(one.package for one in BAD)))
    if problems and starts:
        raise SettingsError(*problems)
    printing.print_problems(console, problems)


def _versions(*packages: str) -> dict[str, str]:
    found = {}
    for one in packages:
        try:
            found[one] = version(one)
        except PackageNotFoundError:
            continue
    return found


def environment() -> Mapping[str, str]:
    """This process's environment; with LOCKGATE_TOKEN_BLOCK the token is what that Secret block of the Prefect server holds.

    Only then is Prefect loaded. Raises SettingsError when there is no server to ask.
    """
    if not os.environ.get("LOCKGATE_TOKEN_BLOCK"):
        return os.environ
    from cli.runs import find_server

    find_server()
    from tasks.credentials import WorkerEnvironment

    return WorkerEnvironment()


def write(made: Report, path: Path | None, *, as_json: bool) -> None:
    """Write the report to a file, and to standard output as JSON, when either is wanted.

    A file that cannot be written any more is told on standard error: the release's own end counts.
    """
    text = json.dumps(made.as_data(), indent=2) + "\n"
    if as_json:
        print(text, end="")
    if path is not None:
        try:
            with for_others_too():
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"The report could not be written: {error}", file=sys.stderr)


def _check_writable(report: Path | None) -> None:
    """Refuse a path that cannot be written; without making the file, which would be a stray one in a clean checkout."""
    if report is None:
        return
    why = ""
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = str(error)
    if report.is_dir():
        why = f"{report} is a folder"
    elif not why and not os.access(report if report.exists() else report.parent, os.W_OK):
        why = f"no permission to write {report}"
    if why:
        problem = Problem(f"the report cannot be written: {why}", "a file that can be", "give --report another path")
        raise SettingsError(problem)


def user() -> str:
    """Who runs the command: LOCKGATE_USER, or the name of the account."""
    return os.environ.get("LOCKGATE_USER") or getpass.getuser()
