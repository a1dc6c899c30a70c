"""`lockgate policy`: what may be released here, and the least that is asked, whatever a repository says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from cli.console import open_console, say
from cli.running import told
from lockgate.errors import SettingsError
from lockgate.policy import Policy, check_place, describe_policy

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")]


def policy(
    *,
    repository: Annotated[
        str, Parameter(help="Say whether this one may be released here, and what is asked for it: a folder or a URL.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Show the policy that is in force here, and check that it can be understood.

    It is the file that LOCKGATE_POLICY names, and the variable `lockgate_policy` of the Prefect server of PREFECT_API_URL, or of
    this machine's `lockgate up`; both hold. A policy that cannot be understood refuses every release.
    """
    console = open_console(as_json=as_json)

    def show() -> None:
        from planning.policies import policies_of

        found = policies_of(_environment(console))
        slug = _placed(found, repository) if repository else ""
        if as_json:
            demanded = [one for policy in found for one in policy.demands_on(slug)] if slug else None
            print(json.dumps({"policies": [asdict(one) for one in found], "demanded": demanded}, indent=2))
            return
        for one in found:
            say(console, (f"The policy in {one.source}:", "bold"))
            for name, value in describe_policy(one):
                say(console, f"  {name}: {value}")
        if not found:
            say(console, "There is no policy: what a project's settings say is all that counts.")
        if slug:
            asks = any(one.demands_on(slug) for one in found)
            say(console, f"{slug} may be released here{', with what is demanded of it above' if asks else ''}.")

    return told(console, show, as_json=as_json)


def _placed(found: tuple[Policy, ...], repository: str) -> str:
    """OWNER/NAME of a repository that may be released here; RefusedError for another."""
    from planning.release import locate, slug_for

    origin_url, _ = locate(repository)
    slug = slug_for(origin_url)
    check_place(found, slug, origin_url)
    return slug


def _environment(console: Console) -> Mapping[str, str]:
    """The environment with the variable of a Prefect server, where one is known; said, where none is."""
    from cli.runs import find_server

    try:
        find_server()
    except SettingsError:
        if "PREFECT_API_URL" in os.environ:
            raise
        say(console, "No Prefect server is known here, so its variable is not looked at.")
        return os.environ
    from tasks.credentials import WorkerEnvironment

    return WorkerEnvironment()
