"""A run that waits for a person, as it tells it to whoever follows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """The brief in Markdown, the decisions to choose from, the further fields of the form, and the run that waits."""

    run_id: str
    brief: str
    decisions: tuple[str, ...]
    fields: tuple[str, ...]
