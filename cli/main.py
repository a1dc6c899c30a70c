"""The command line of Lockgate."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter
from rich.console import Console

from cli import operating, printing
from cli.aborting import abort
from cli.auditing import audit
from cli.console import open_console, show_crashes
from cli.init import init
from cli.notifying import notify
from cli.policy import policy
from cli.running import environment, guarded, mind_packages, told, user, write
from cli.stopping import Stop
from clients.process import hide_memory
from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.outcome import ExitCode, Refusal, Report, judge
from lockgate.plan import Plan
from lockgate.request import Request

app = App(
    name="lockgate",
    help="Takes one version of a Python package from source control to the package index through eleven guarded steps.",
    help_epilogue="Exit codes: 0 released, 1 refused (nothing irreversible happened), 2 usage or settings, 3 stopped after"
    " the point of no return, 4 something outside is unavailable, 130 interrupted.",
    version=lambda: installed_version("lockgate"),
    version_flags=["--version"],
    default_parameter=Parameter(show_default=lambda value: value or None),
)
HERE = Group.create_ordered("Release from this terminal")
TRY = Group.create_ordered("Try it, against stand-ins")
PREFECT = Group.create_ordered("Run releases by Prefect")
ANYWHERE = Group.create_ordered("Look after the releases that Prefect runs")

Version = Annotated[
    str,
    Parameter(
        help="1.4.0, or a word that counts from the newest release: patch, minor, major, alpha, beta, rc, final."
        " Empty: the version that the repository states."
    ),
]

Repository = Annotated[str, Parameter(help="The project's folder or the repository's URL.")]
Branch = Annotated[str, Parameter(help="The release branch; otherwise the one that origin's HEAD names.")]
SandboxFolder = Annotated[
    Path | None,
    Parameter(name="--sandbox", help="Use stand-ins for origin, GitHub and the index, kept in this folder."),
]
Slug = Annotated[str, Parameter(name="--as", help="OWNER/NAME of the repository in the sandbox.")]
Restart = Annotated[bool, Parameter(negative="", help="Begin anew from the newest main; refused once the tag is out.")]
Continue = Annotated[
    str,
    Parameter(
        name="--continue", help="Go on with this release commit of an earlier start although main has newer ones."
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")]


@app.command(group=HERE)
def release(
    version: Version = "",
    *,
    repository: Repository = ".",
    branch: Branch = "",
    sandbox: SandboxFolder = None,
    slug: Slug = "",
    yes: Annotated[bool, Parameter(negative="", help="Answer every checkpoint with yes.")] = False,
    tested: Annotated[str, Parameter(help="Where the tests ran (a link): the evidence, without a test command.")] = "",
    dry_run: Annotated[bool, Parameter(negative="", help="Make the plan, change nothing.")] = False,
    wait: Annotated[
        bool, Parameter(negative="", help="Wait while another release of this repository has the turn.")
    ] = False,
    restart: Restart = False,
    commit: Continue = "",
    report: Annotated[Path | None, Parameter(help="Write a report to this JSON file.")] = None,
    as_json: AsJson = False,
) -> int:
    """Release VERSION, through all steps; checkpoints ask here. Started again, it goes on where it was.

    It begins anew where others pushed meanwhile, and after a decline, an abort, or a question that nobody answered in time.
    """
    if dry_run:
        return plan(
            version, repository=repository, branch=branch, sandbox=sandbox, slug=slug, restart=restart, commit=commit,
            report=report, as_json=as_json,
        )  # fmt: skip
    console = open_console(as_json=as_json)

    def run(origin: str) -> int:
        from cli.releasing import cut_off, run_release
        from planning.opening import check_policies, check_request

        asks = sys.stdin.isatty() and sys.stdout.isatty()
        if not yes and not asks:
            raise SettingsError(
                Problem(
                    "checkpoints ask a person, and standard input or output is no terminal",
                    "a terminal, or --yes",
                    "add --yes to answer every checkpoint with yes, or run a deployment and approve in Prefect's pages",
                )
            )
        request = Request(
            origin, version, branch, requested_by=user(), approve_all=yes, tested=tested,
            restart=restart, commit=commit, when_busy="wait" if wait else "refuse",
        )  # fmt: skip
        check_policies(request, check_request(request)[0], os.environ)
        try:
            made, page = run_release(request, console, asks=asks and not yes)
        except LockgateError:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - its record says what the release came to
            made, page = cut_off(request, error), ""
        write(made, report, as_json=as_json)
        printing.print_report(console, made, page)
        return made.exit_code

    return _with_sandbox(console, run, repository, sandbox, slug, report, as_json=as_json, server=True)


@app.command(group=HERE)
def plan(
    version: Version = "",
    *,
    repository: Repository = ".",
    branch: Branch = "",
    sandbox: SandboxFolder = None,
    slug: Slug = "",
    restart: Restart = False,
    commit: Continue = "",
    report: Annotated[Path | None, Parameter(help="Write a report to this JSON file.")] = None,
    as_json: AsJson = False,
) -> int:
    """Say what every step of a release would do and what is in the way; change nothing."""
    console = open_console(as_json=as_json)

    def run(origin: str) -> int:
        from planning.making import make_plan
        from planning.opening import open_release

        request = Request(origin, version, branch, dry_run=True, requested_by=user(), restart=restart, commit=commit)
        made = make_plan(open_release(request, environment()))
        code, refusals = judge(made)
        ended = Report(int(code), made.project, made.version, made.tag, "", (), (), refusals, {}, "")
        write(ended, report, as_json=False)
        if as_json:
            print(json.dumps(_plan_data(made, code, refusals), indent=2))
        else:
            printing.print_plan(console, made)
        printing.print_refusals(console, refusals)
        given = {
            "--repository": repository, "--branch": branch, "--sandbox": str(sandbox or ""), "--as": slug,
            "--continue": commit,
        }  # fmt: skip
        printing.print_verdict(console, refusals, _release_command(version, given))
        return code

    return _with_sandbox(console, run, repository, sandbox, slug, report, as_json=as_json)


@app.command(name="sandbox", group=TRY)
def serve_sandbox(
    folder: Annotated[
        Path, Parameter(help="Where the sandbox keeps its state; a new one is made around the repository.")
    ],
    /,
    *,
    repository: Annotated[str, Parameter(help="The repository to make a new sandbox of; it is only read.")] = "",
    slug: Slug = "",
    as_json: AsJson = False,
) -> int:
    """Run stand-ins for origin, GitHub and the index until Ctrl-C.

    What points other commands to them is printed. `release`, `plan` and `up` start them by themselves with --sandbox.
    """
    from cli.stand_ins import announce, open_sandbox

    console = open_console(as_json=as_json)

    def serve() -> None:
        stopped = Stop()
        with open_sandbox(folder, repository, slug) as running:
            announce(console, running, as_json=as_json)
            stopped.wait()

    return told(console, serve, as_json=as_json)


def _with_sandbox(
    console: Console, run: Callable[[str], int], repository: str, folder: Path | None, slug: str, report: Path | None,
    *, as_json: bool, server: bool = False,
) -> int:  # fmt: skip
    """Run it inside the sandbox of a folder, if one is given; `server` says that it starts or uses Prefect's."""

    def inside() -> int:
        if server:
            mind_packages(console, starts="PREFECT_API_URL" not in os.environ)
        if folder is None:
            return run(repository)
        from cli.stand_ins import open_sandbox, print_banner, use

        with open_sandbox(folder, repository, slug) as running:
            print_banner(console)
            return run(use(running))

    return guarded(console, inside, report, as_json=as_json)


def _release_command(version: str, given: dict[str, str]) -> str:
    """The command that releases what was planned, for a shell in the same folder."""
    options = [word for name, value in given.items() if value not in {"", "."} for word in (name, value)]
    return shlex.join(["lockgate", "release", *([version] if version else []), *options])


def _plan_data(made: Plan, code: ExitCode, refusals: tuple[Refusal, ...]) -> dict[str, object]:
    findings = [{**asdict(replace(one, error=None)), "error": str(one.error or "")} for one in made.findings]
    told = {"exit_code": int(code), "refusals": [asdict(one) for one in refusals]}
    return {**told, **asdict(replace(made, findings=())), "findings": findings}


app.command(init, group=HERE)
for command in (operating.up, operating.worker, operating.deploy, notify, policy):
    app.command(command, group=PREFECT)
for command in (operating.status, operating.approve, abort, audit, operating.logs, operating.unlock):
    app.command(command, group=ANYWHERE)


def main() -> None:
    """The console script."""
    hide_memory()
    show_crashes()
    sys.exit(app())


if __name__ == "__main__":
    main()
