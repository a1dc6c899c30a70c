"""What people read in a terminal: the plan, the steps as they happen, the end."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lockgate.outcome import ExitCode, Refusal, Report, StepOutcome
from lockgate.plan import Plan
from lockgate.steps import STEPS, step

COLOURS = {
    "done": "green", "already done": "cyan", "not needed": "dim", "refused": "red", "unavailable": "yellow", "stopped": "red",
}  # fmt: skip


def print_plan(console: Console, plan: Plan) -> None:
    """The plan: what each step would do, the settings with their origins, what stands in the way."""
    console.print(
        f"[bold]{escape(plan.project)} {plan.version}[/] (after {plan.previous or 'no release'}), tag {plan.tag}"
    )
    console.print(f"{escape(plan.repository)}, branch {escape(plan.branch)} at {plan.commit[:12]}")
    if plan.continues:
        console.print("[cyan]This release was begun before; it goes on where it was.[/]")
    steps = Table(title="What each step would do", title_justify="left", show_edge=False, expand=True)
    for column in ("#", "step", "what"):
        steps.add_column(column, overflow="fold", vertical="top")
    found = {finding.step: finding for finding in plan.findings}
    for one in STEPS:
        finding = found[one.key]
        mark = "[red]✗[/] " if finding.problems or finding.error else ""
        notes = "".join(f"\n[yellow]⚠ {escape(warning)}[/]" for warning in finding.warnings)
        asks = "\n[magenta]a person is asked[/]" if finding.asks else ""
        steps.add_row(str(one.number), one.title, f"{mark}{escape(finding.says)}{asks}{notes}")
    console.print(steps)
    settings = Table(title="Settings", title_justify="left", show_edge=False, expand=True)
    for column in ("setting", "value", "from"):
        settings.add_column(column, overflow="fold")
    for name, value, origin in plan.settings:
        settings.add_row(name, escape(value), escape(origin))
    console.print(settings)
    console.print(f"[bold]Cannot be undone:[/] {step('export').undo}")


def print_refusals(console: Console, refusals: tuple[Refusal, ...]) -> None:
    """Every problem with its step: seen, expected, next."""
    for one in refusals:
        console.print(f"\n[red bold]Step {one.step}: {STEPS[one.step - 1].title}[/]")
        console.print(f"  seen      {escape(one.seen.strip())}", highlight=False, soft_wrap=True)
        console.print(f"  expected  {escape(one.expected)}", highlight=False, soft_wrap=True)
        console.print(f"  next      {escape(one.next)}", highlight=False, soft_wrap=True)


def print_step(console: Console, outcome: StepOutcome) -> None:
    """One finished step in one line."""
    number = step(outcome.key).number
    where = f"{number:>2}/{len(STEPS)}" if number else "     "
    colour = COLOURS[outcome.outcome]
    evidence = escape(outcome.evidence.strip().splitlines()[0]) if outcome.evidence.strip() else ""
    console.print(
        f"{where} [{colour}]{outcome.outcome:<12}[/] {outcome.seconds:7.2f} s  {outcome.title}: {evidence}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def print_report(console: Console, report: Report, run_page: str) -> None:
    """How the release ended: the table of its steps, what is out, where to look, what to do next."""
    table = Table(show_edge=False, expand=True)
    for column, justify in (("step", "left"), ("outcome", "left"), ("seconds", "right"), ("evidence", "left")):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for one in report.steps:
        colour = COLOURS[one.outcome]
        evidence = escape(one.evidence.strip().splitlines()[0]) if one.evidence.strip() else ""
        table.add_row(one.title, f"[{colour}]{one.outcome}[/]", f"{one.seconds:.2f}", evidence)
    console.print()
    console.print(table)
    print_refusals(console, report.refusals)
    console.print()
    _print_end(console, report)
    if report.fixture and Path(report.fixture).exists():
        console.print(f"fixture   {report.fixture}", soft_wrap=True, highlight=False)
    for name, url in report.urls.items():
        console.print(f"{name:<9} {url}", soft_wrap=True, highlight=False)
    if run_page:
        console.print(f"pages     {run_page}", soft_wrap=True, highlight=False)


def _print_end(console: Console, report: Report) -> None:
    label = f"{report.project} {report.version}".strip()
    if report.exit_code == ExitCode.RELEASED:
        console.print(f"[green bold]{label} is released.[/]")
    elif report.exit_code == ExitCode.STOPPED_AFTER_TAG:
        done = {one.key for one in report.steps if one.outcome in {"done", "already done", "not needed"}}
        left = ", ".join(one.title for one in STEPS if one.key not in done)
        console.print(f"[red bold]{label} is not complete.[/] The tag {report.tag} is out. What remains: {left}.")
        console.print("The same command goes on from here, and does nothing twice.")
    elif report.exit_code == ExitCode.UNAVAILABLE:
        console.print(
            f"[yellow bold]{label} was not released:[/] something outside is unavailable. The same command tries again."
        )
    else:
        console.print(f"[red bold]{label} was not released.[/] Nothing irreversible happened.")
