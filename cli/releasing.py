"""`lockgate release`: the flow in this process, with an embedded Prefect server unless PREFECT_API_URL names one."""

from __future__ import annotations

import logging

from rich.console import Console

from cli.asking import ask
from cli.prefect_server import prefect_server
from cli.watching import Watcher
from lockgate.outcome import Report
from lockgate.request import Request


def run_release(request: Request, console: Console, *, asks: bool) -> tuple[Report, str]:
    """Run the flow to its end; the report, and the address of the run's page.

    Raises what is no error of Lockgate's, and KeyboardInterrupt.
    """
    if console.is_terminal:
        console.print("[dim]Starting Prefect …[/]")
    with prefect_server() as address:
        from flows.release_flow import release

        logging.getLogger("prefect").setLevel(logging.CRITICAL)
        with Watcher(console, ask if asks else None):
            state: State[Report] = release(request, return_state=True)  # type: ignore[assignment]
    report: Report | Exception = state.result(raise_on_failure=False)
        page = f"{address}/runs/flow-run/{state.state_details.flow_run_id}"
    if isinstance(report, Exception):
        raise report
    return report, page
