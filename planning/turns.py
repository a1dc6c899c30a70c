"""The claims on repositories' turns, in the store."""

from __future__ import annotations

from clients.store import Store
from lockgate.claims import Claim, from_json, to_json
from lockgate.origins import canonical


def read_claim(store: Store, slug: str) -> Claim | None:
    """Whose turn it is; None when it is nobody's."""
    return from_json(store.read_record(_key(slug)))


def write_claim(store: Store, slug: str, claim: Claim, found: Claim | None = None) -> bool:
    """Take the turn from who was found to have it; False when another one took it meanwhile."""
    text = store.read_record(_key(slug))
    return from_json(text) == found and store.swap_record(_key(slug), text, to_json(claim))


def give_back(store: Store, slug: str, run: str) -> None:
    """End this run's turn; another run's is left alone."""
    claim = read_claim(store, slug)
    if claim is not None and claim.run == run:
        store.write_record(_key(slug), "{}\n")


def claims(store: Store) -> tuple[tuple[str, Claim], ...]:
    """Every repository's slug with the claim on it."""
    slugs = [key.removeprefix("turns/") for key in store.record_keys("turns/")]
    found = ((slug, read_claim(store, slug)) for slug in slugs)
    return tuple((slug, claim) for slug, claim in found if claim is not None)


def _key(slug: str) -> str:
    return f"turns/{canonical(slug)}"
