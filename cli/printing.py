"""What people read in a terminal: the plan, the steps as they happen, the end."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import say, styled
from lockgate.errors import Problem
from lockgate.lines import lines_of
from lockgate.outcome import ExitCode, Refusal, Report, StepOutcome
from lockgate.plan import DEFAULT, Plan
from lockgate.steps import POINT_OF_NO_RETURN, STEPS, step

COLOURS = {
    "done": "green", "already done": "cyan", "not needed": "dim", "refused": "red", "unavailable": "yellow", "stopped": "red",
}  # fmt: skip


def print_plan(console: Console, plan: Plan) -> None:
    """The plan: what each step would do, the settings with their origins, the point of no return."""
    after = f" (after {plan.previous or 'no release'}), tag {plan.tag}"
    console.print(styled((f"{plan.project} {plan.version}", "bold"), after))
    console.print(f"{plan.repository}, branch {plan.branch} at {plan.commit[:12]}")
    if plan.course:
        console.print(plan.course, style="cyan", highlight=False)
    console.print()
    console.print(_plan_steps(plan))
    console.print()
    console.print(_plan_settings(plan))
    console.print(_plan_defaults(plan), style="dim")
    last = step(POINT_OF_NO_RETURN)
    console.print(
        styled(
            (f"\nThe point of no return is step {last.number}, {last.title}:", "bold"),
            " until then everything can be taken back; what the pushed tag starts cannot.",
        )
    )


def _plan_steps(plan: Plan) -> Table:
    table = Table(title="What each step would do", title_justify="left", show_edge=False, expand=True)
    for column in ("#", "step", "what"):
        table.add_column(column, overflow="fold", vertical="top")
    found = {finding.step: finding for finding in plan.findings}
    for one in STEPS:
        finding = found[one.key]
        mark = [("✗ ", "red")] if finding.problems or finding.error else []
        asks = [("\na person is asked", "magenta")] if finding.asks else []
        notes = [(f"\n⚠ {warning}", "yellow") for warning in finding.warnings]
        table.add_row(str(one.number), one.title, styled(*mark, finding.says, *asks, *notes))
    return table


def _plan_settings(plan: Plan) -> Table:
    table = Table(title="Settings, found out or set", title_justify="left", show_edge=False, expand=True)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for name, value, origin in plan.settings:
        if origin != DEFAULT:
            table.add_row(name, value or "(not set)", origin)
    return table


def _plan_defaults(plan: Plan) -> str:
    defaults = [(name, value) for name, value, origin in plan.settings if origin == DEFAULT]
    values = "; ".join(f"{name} = {value}" for name, value in defaults if value)
    return f"Left to their defaults: {values}.\nNot set: {', '.join(name for name, value in defaults if not value)}."


def print_verdict(console: Console, refusals: tuple[Refusal, ...], command: str) -> None:
    """Whether the release can be started, and what starts it; `command` is the one that would release."""
    if refusals:
        problems = "1 problem is" if len(refusals) == 1 else f"{len(refusals)} problems are"
        console.print(styled((f"\n{problems} in the way.", "red bold"), " Nothing was changed."))
    else:
        starts = f" Nothing was changed; this starts it: {command}"
        console.print(styled(("\nNothing is in the way.", "green bold"), starts))


def print_refusals(console: Console, refusals: tuple[Refusal, ...]) -> None:
    """Every problem under the title of its step: seen, expected, next. A pipe gets each part in one line of any length."""
    last = 0
    for one in refusals:
        console.print()
        if one.step != last:
            console.print(f"Step {one.step}: {STEPS[one.step - 1].title}", style="red bold")
        last = one.step
        _print_parts(console, one.seen, one.expected, one.next)


def print_problems(console: Console, problems: tuple[Problem, ...]) -> None:
    """Problems of a command that has no steps."""
    for one in problems:
        console.print()
        _print_parts(console, one.seen, one.expected, one.next)


def print_numbered(console: Console, lines: tuple[str, ...]) -> None:
    """A numbered list; a terminal wraps its lines under each other."""
    if console.is_terminal:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right")
        grid.add_column(overflow="fold")
        for number, line in enumerate(lines, 1):
            grid.add_row(f"{number}.", line)
        console.print(grid)
        return
    for number, line in enumerate(lines, 1):
        say(console, f"{number:>2}. {line}")


def _print_parts(console: Console, seen: str, expected: str, then: str) -> None:
    parts = (("seen", seen.strip()), ("expected", expected), ("next", then))
    if console.is_terminal:
        console.print(_labelled(parts))
        return
    for label, text in parts:
        say(console, f"  {label:<9} {text}")


def _labelled(parts: tuple[tuple[str, str], ...]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in parts:
        grid.add_row("", label, text)
    return grid


def print_step(console: Console, outcome: StepOutcome) -> None:
    """One finished step in one line; a terminal that is too narrow cuts it, since the table at the end has it all."""
    number = step(outcome.key).number
    where = f"{number:>2}/{len(STEPS)}" if number else "     "
    line = styled(
        f"{where} ", (f"{outcome.outcome:<12}", COLOURS[outcome.outcome]),
        f" {outcome.seconds:7.2f} s  {outcome.title}: {_first_line(outcome)}",
    )  # fmt: skip
    console.print(
        line, soft_wrap=not console.is_terminal, no_wrap=True, overflow="ellipsis" if console.is_terminal else "ignore"
    )


def _first_line(outcome: StepOutcome) -> str:
    return (lines_of(outcome.evidence.strip()) or [""])[0]


def print_report(console: Console, report: Report, run_page: str) -> None:
    """How the release ended: the table of its steps, what is out, where to look, what to do next."""
    if report.steps:
        console.print()
        console.print(_report_steps(report))
    print_refusals(console, report.refusals)
    console.print()
    _print_end(console, report)
    if report.fixture and Path(report.fixture).exists():
        say(console, f"fixture   {report.fixture}")
    for name, url in report.urls.items():
        say(console, f"{name:<9} {url}")
    if run_page:
        say(console, f"pages     {run_page}")


def _report_steps(report: Report) -> Table:
    table = Table(show_edge=False, expand=True)
    table.add_column("#", justify="right")
    table.add_column("step")
    table.add_column("outcome")
    table.add_column("seconds", justify="right")
    table.add_column("evidence", overflow="fold")
    for one in report.steps:
        outcome = Text(one.outcome, COLOURS[one.outcome])
        table.add_row(str(step(one.key).number), one.title, outcome, f"{one.seconds:.2f}", _first_line(one))
    return table


def _print_end(console: Console, report: Report) -> None:
    label = f"{report.project} {report.version}".strip()
    if report.exit_code == ExitCode.RELEASED:
        console.print(f"{label} is released.", style="green bold")
    elif report.exit_code == ExitCode.STOPPED_AFTER_TAG:
        done = {one.key for one in report.steps if one.outcome in {"done", "already done", "not needed"}}
        left = ", ".join(f"{one.number} {one.title}" for one in STEPS if one.key not in done)
        said = f"What remains: {left}." if done else "This time it stopped before its first step."
        stopped = (f"{label} was stopped after its tag.", "red bold")
        console.print(styled(stopped, f" The tag {report.tag} is out. {said}"))
        console.print("The same command goes on from where it was, and does nothing twice.")
    elif report.exit_code == ExitCode.INTERRUPTED:
        out = f"The tag {report.tag} is out" if report.tag_is_out else "Nothing irreversible happened"
        unless = "" if report.tag_is_out else " If others push meanwhile, it begins anew."
        console.print(
            f"Interrupted. {out}. The same command goes on from where it was, and does nothing twice.{unless}"
        )
    elif report.exit_code == ExitCode.UNAVAILABLE:
        why = " something outside is unavailable. The same command tries again."
        console.print(styled((f"{label} was not released:", "yellow bold"), why))
    else:
        failed = (f"{label or 'It'} was not released.", "red bold")
        console.print(styled(failed, " Nothing irreversible happened."))
