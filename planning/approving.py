"""Who may approve a release: the rules in force, with the signers that they allow."""

from __future__ import annotations

from clients import signatures
from lockgate.approvals import Approval
from lockgate.approvers import NAMESPACE, Proof, Prove, Rules, check_request, nothing_proved
from lockgate.errors import Problem
from lockgate.repository import Origin
from lockgate.stated_rules import StatedRules
from planning.release import Release
from planning.ruling import rule

PUBLISH = "publish"


def rules_of(release: Release, checkpoint: str, origin: Origin | None = None) -> tuple[Rules, ...]:
    """The rules for one checkpoint, all of which have to be satisfied; the last one before the tag may need several people."""
    return tuple(_rules(release, checkpoint, one) for one in rule(release, origin).stated)


def check(release: Release, origin: Origin) -> tuple[Problem, ...]:
    """What keeps the approvals of this release from ever being given, known before anything is done."""
    request = release.request
    return check_request(
        request.requested_by, approve_all=request.approve_all, rules=rules_of(release, PUBLISH, origin)
    )


def _rules(release: Release, checkpoint: str, stated: StatedRules) -> Rules:
    settings = stated.settings
    return Rules(
        settings.approvers, release.request.requested_by, settings.self_approval, settings.signed_approvals,
        needed=settings.approvals_before_publish if checkpoint == PUBLISH else 1,
        prove=_prove_by(stated.signers) if settings.signed_approvals else nothing_proved, stated_by=stated.where,
    )  # fmt: skip


def _prove_by(signers: str) -> Prove:
    """What verifies a signature by these allowed signers; each one once."""
    known: dict[tuple[str, str, str], Proof] = {}

    def prove(approval: Approval) -> Proof:
        asked = (approval.fingerprint, approval.signature, approval.approver.strip())
        if asked not in known:
            known[asked] = signatures.prove(*asked, signers, NAMESPACE)
        return known[asked]

    return prove
