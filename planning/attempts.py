"""The runs that work on releases, as the store knows them: which one is at work, and how the last one ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from clients.store import Store
from lockgate.continuation import Attempt, from_json, to_json
from lockgate.origins import canonical

RELEASED = "released"


def read(store: Store, slug: str, version: str) -> Attempt:
    """Return the last run that worked on this version; an empty attempt when there was none."""
    return from_json(store.read_record(key_of(slug, version)))


def begin(store: Store, slug: str, version: str, run: str, requested: str) -> None:
    """Note that a run works on this version from now on; one that does already keeps the time that it began at."""
    known = read(store, slug, version)
    if not run or (known.run, known.requested, known.ended) != (run, requested, ""):
        since = datetime.now(UTC).isoformat()
        store.write_record(key_of(slug, version), to_json(Attempt(run, requested, since)))


def end(store: Store, slug: str, version: str, run: str, how: str) -> None:
    """Note how a run's work on this version ended; another run's attempt is left alone."""
    known = read(store, slug, version)
    if run and known.run == run and known.ended != how:
        store.write_record(key_of(slug, version), to_json(replace(known, ended=how)))


def of_run(store: Store, slug: str, run: str, requested: str) -> str:
    """Return the version that a run works on, or worked on, by these words; "" when there is none."""
    found = [version for version, one in _all(store, slug) if run and (one.run, one.requested) == (run, requested)]
    return found[0] if found else ""


def open_ones(store: Store, slug: str) -> tuple[tuple[str, Attempt], ...]:
    """Return the versions of a repository whose last run left no word on how it ended, each with its attempt."""
    return tuple((version, one) for version, one in _all(store, slug) if one.run and not one.ended)


def _all(store: Store, slug: str) -> tuple[tuple[str, Attempt], ...]:
    prefix = f"attempts/{canonical(slug)}/"
    return tuple((key.removeprefix(prefix), from_json(store.read_record(key))) for key in store.record_keys(prefix))


def key_of(slug: str, version: str) -> str:
    """Return the key in the store under which the last run that worked on a version is."""
    return f"attempts/{canonical(slug)}/{version}"
