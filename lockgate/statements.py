"""Signed statements about a release, in the shape that supply-chain tools read: an in-toto statement in a DSSE envelope.

A statement is signed with an installation's Ed25519 key and kept in the fixture, under `proof`. It names the whole record by its
digest, so that no field of a fixture counts without it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockgate.documents import read_json
from lockgate.errors import RefusedError
from lockgate.fixture import PROOF, Fixture, from_json, to_json
from lockgate.origins import canonical

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:lockgate:release-record:1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed payload, and the signatures on it; nothing of it counts before one was verified."""

    payload: bytes
    signatures: tuple[bytes, ...]

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: DSSE's pre-authentication encoding."""
        return pre_authentication(self.payload)


@dataclass(frozen=True, slots=True)
class Proved:
    """A fixture that a verified statement is about; `tree` is what the release commit holds beside its fixture, if it says so."""

    fixture: Fixture
    tree: str = ""


def make_statement(fixture: Fixture, *, index: str, settings: str, tree: str, time: str) -> bytes:
    """The statement that this is the record of a release: bytes of JSON, to be signed.

    `settings` is the digest of the settings that the release is made by; `tree` is what the release commit holds beside its
    fixture, while the commit itself cannot be named yet.
    """
    subject: list[dict[str, Any]] = [{"name": one.name, "digest": {"sha256": one.sha256}} for one in fixture.artifacts]
    if fixture.release_commit:
        subject.append({"name": f"{fixture.repository}@{fixture.tag}", "digest": {"gitCommit": fixture.release_commit}})
    if tree:
        subject.append({"name": f"{fixture.repository}@{fixture.tag} without its fixture", "digest": {"gitTree": tree}})
    predicate = {
        "repository": fixture.repository, "project": fixture.project, "version": fixture.version, "tag": fixture.tag,
        "index": index, "settings": {"sha256": settings}, "baseCommit": fixture.base_commit,
        "approvals": [dataclasses.asdict(one) for one in fixture.approvals], "time": time,
        "record": {"sha256": _digest(json.loads(to_json(fixture)))},
    }  # fmt: skip
    statement = {
        "_type": STATEMENT_TYPE, "subject": subject, "predicateType": PREDICATE_TYPE, "predicate": predicate,
    }  # fmt: skip
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pre_authentication(payload: bytes) -> bytes:
    """What is signed of a payload (DSSE v1, PAE): its type and its bytes, each with its length."""
    kind = PAYLOAD_TYPE.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))


def make_envelope(payload: bytes, key_id: str, signature: bytes) -> dict[str, Any]:
    """The envelope around a signed payload, as it stands in a fixture."""
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


def read_envelope(text: str) -> Envelope | None:
    """The envelope in a fixture's text; None for a text that has none, or something else in its place."""
    try:
        found = read_json(text)[PROOF]
        if found["payloadType"] != PAYLOAD_TYPE:
            return None
        signatures = tuple(base64.b64decode(one["sig"], validate=True) for one in found["signatures"])
        return Envelope(base64.b64decode(found["payload"], validate=True), signatures)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        return None


def read_proved(text: str, payload: bytes, *, repository: str, project: str) -> Proved | None:
    """The fixture of a text whose envelope was verified; None when the statement is about another record, or another project."""
    try:
        data, said = read_json(text), read_json(payload)
        if (said["_type"], said["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
            return None
        data.pop(PROOF)
        if said["predicate"]["record"]["sha256"] != _digest(data):
            return None
        fixture = from_json(text)
        trees = [one["digest"]["gitTree"] for one in said["subject"] if "gitTree" in one["digest"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RefusedError):
        return None
    if canonical(fixture.repository) != canonical(repository) or fixture.project != project:
        return None
    return Proved(fixture, trees[0] if trees else "")


def _digest(data: Mapping[str, Any]) -> str:
    """The digest of a record, whatever the order and the spacing of its text."""
    plain = {name: value for name, value in data.items() if name != PROOF}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
