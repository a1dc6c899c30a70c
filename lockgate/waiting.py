"""A question as it is stored with the run that asks it: what a person reads, and what an answer or a signature is bound to.

The brief is for reading only. What is signed, listed or said of a question comes from the fields beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from lockgate.approvals import fingerprint_of
from lockgate.errors import Problem, RefusedError

BRIEF_LIMIT, FIELD_LIMIT, MOST = 1_000_000, 100_000, 200
SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run asks: the brief in Markdown, the decisions to choose from, the further fields of the form, and the run.

    An approval has a checkpoint, what it starts, and the evidence with its fingerprint; for any other question they are empty.
    """

    run_id: str
    title: str
    brief: str
    decisions: tuple[str, ...]
    fields: tuple[str, ...]
    checkpoint: str = ""
    starts: str = ""
    fingerprint: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def signed(self) -> bool:
        """Whether an approval has to be signed."""
        return SIGNATURE in self.fields

    @property
    def bound_to(self) -> dict[str, str]:
        """What an approval is given for, the fingerprint last; refused by `check` when it does not fit."""
        return (
            {"checkpoint": self.checkpoint, **self.evidence, "fingerprint": self.fingerprint} if self.evidence else {}
        )

    def check(self) -> None:
        """Raise RefusedError when the fingerprint is not that of the evidence: nobody is to answer, least of all to sign."""
        if self.evidence and fingerprint_of(self.checkpoint, self.evidence) != self.fingerprint:
            raise RefusedError(
                Problem(
                    f"what the run stored of {self.title!r} has the fingerprint {self.fingerprint[:12]!r}, which is not that"
                    " of its evidence", fingerprint_of(self.checkpoint, self.evidence)[:12],
                    "find out who writes to the Prefect server; retry the run: it asks anew",
                )
            )  # fmt: skip


def to_json(waiting: Waiting) -> str:
    """Return a question for the server to keep."""
    return json.dumps(asdict(waiting))


def from_json(text: object, run_id: str) -> Waiting:
    """Return a question that a server kept for this run; RefusedError for what has another shape or is of another run."""
    try:
        return _read(json.loads(text if isinstance(text, str) else ""), run_id)
    except (ValueError, TypeError, RecursionError) as error:
        raise RefusedError(
            Problem(
                f"what run {run_id} asks cannot be read: {error}", "a question as Lockgate stores it",
                "retry the run: it asks anew",
            )
        ) from error  # fmt: skip


def _read(data: Any, run_id: str) -> Waiting:
    names = {one.name for one in fields(Waiting)}
    if not isinstance(data, dict) or data.keys() != names:
        raise ValueError("its fields are others")
    lists = {name: tuple(_texts(data[name])) for name in ("decisions", "fields")}
    evidence = data["evidence"]
    if not isinstance(evidence, dict):
        raise TypeError("its evidence is no mapping")
    _texts([*evidence, *evidence.values()])
    _texts([value for name, value in data.items() if name not in {*lists, "evidence", "brief"}])
    if not isinstance(data["brief"], str) or len(data["brief"]) > BRIEF_LIMIT:
        raise ValueError("its brief is no text, or too long")
    if data["run_id"] != run_id:
        raise ValueError("it is of another run")
    return Waiting(**{**data, **lists})


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or len(values) > 2 * MOST:
        raise TypeError("a list of it is none, or too long")
    if any(not isinstance(one, str) or len(one) > FIELD_LIMIT for one in values):
        raise TypeError("a field of it is no text, or too long")
    return values
