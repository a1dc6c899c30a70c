"""The policies that hold for an environment: of the file that LOCKGATE_POLICY names, and of Prefect's variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clients.own_files import read_trusted
from lockgate.policy import Policy, read_policy

FILE = "LOCKGATE_POLICY"
VARIABLE = "lockgate_policy"
VARIABLE_TEXT = "LOCKGATE_POLICY_VARIABLE"
"""Under this name a worker's environment gives the text of Prefect's variable, where its server has one."""


def policies_of(environ: Mapping[str, str]) -> tuple[Policy, ...]:
    """Every policy that holds; each has to be kept.

    Raises SettingsError for a file that is missing, that others may change, or for a policy that is not to be understood, and
    UnavailableError when Prefect's server does not say: then nothing is released.
    """
    found = []
    if named := environ.get(FILE):
        path = Path(named).expanduser().absolute()
        found.append(read_policy(read_trusted(path), str(path)))
    if text := environ.get(VARIABLE_TEXT):
        found.append(read_policy(text, f"Prefect's variable {VARIABLE}"))
    return tuple(found)
