"""How the project's own code is kept apart: what was asked for, what the machine can do, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lockgate.errors import Problem

Wanted = Literal["auto", "required", "none"]
STRICTNESS: Final[tuple[Wanted, ...]] = ("none", "auto", "required")
VARIABLE: Final = "LOCKGATE_ISOLATION"


@dataclass(frozen=True, slots=True)
class Rights:
    """What the project's code may use besides the folders that it is given: by default the network, and no variable by name."""

    isolation: Wanted = "auto"
    network: bool = True
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """What this machine can keep code apart with: bubblewrap and its version, or why that is not possible."""

    bubblewrap: str
    why_not: str = ""


def stricter(setting: Wanted, machine: str) -> Wanted:
    """The stricter of the project's setting and the machine's word ("" for none); a word that is none counts as `required`."""
    if not machine:
        return setting
    floor: Wanted = machine if machine in STRICTNESS else "required"
    return max(setting, floor, key=STRICTNESS.index)


def in_force(wanted: Wanted, means: Means) -> str:
    """What is in force, in the words of plan and record: `bubblewrap 0.8.0`, or `none` and why."""
    if wanted == "none":
        return "none: the settings say so"
    return means.bubblewrap or f"none: {means.why_not}"


def check_isolation(rights: Rights, means: Means) -> tuple[Problem, ...]:
    """What stands in the way: isolation that is required, or needed to keep the network away, and cannot be had."""
    if rights.isolation != "none" and means.bubblewrap:
        return ()
    if rights.isolation == "required":
        return (
            Problem(
                f"isolation is 'required', and {means.why_not}", "bubblewrap that works, to run the project's code in",
                f"install bubblewrap (`bwrap`) on this machine, or release on one that has it; `auto` in [tool.lockgate] and"
                f" {VARIABLE} would run the code with the rights of this account",
            ),
        )  # fmt: skip
    if not rights.network:
        return (
            Problem(
                f"network is false, and there is no isolation ({in_force(rights.isolation, means)})",
                "isolation, which alone can keep the network away", "install bubblewrap, or remove `network` from [tool.lockgate]",
            ),
        )  # fmt: skip
    return ()


def warn(rights: Rights, means: Means) -> str:
    """What a plan says of code that is not kept apart; "" when it is."""
    if rights.isolation != "none" and means.bubblewrap:
        return ""
    return (
        f"the project's code runs with the rights of this account (isolation is {in_force(rights.isolation, means)}):"
        " what the account can read, it can read"
    )
