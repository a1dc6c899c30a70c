"""Who may approve a release: the project's settings, and the signers that its release branch allows."""

from __future__ import annotations

from clients import git, signatures
from lockgate.approvals import Approval
from lockgate.approvers import NAMESPACE, Fault, Rules, check_request
from lockgate.errors import Problem, refused
from planning.release import Release

PUBLISH = "publish"


def rules_of(release: Release, checkpoint: str) -> Rules:
    """The rules for one checkpoint; the last one before the point of no return may need several people."""
    settings = release.settings
    needed = settings.approvals_before_publish if checkpoint == PUBLISH else 1
    return Rules(
        settings.approvers, release.request.requested_by, settings.self_approval, settings.signed_approvals, needed
    )


def allowed_signers(release: Release) -> str:
    """The allowed signers file of the release branch as it was last fetched; refuses when it is not there."""
    branch, path = release.settings.branch, release.settings.allowed_signers
    commit = git.resolve(release.workspace, f"refs/remotes/origin/{branch}") or ""
    data = git.read_file(release.workspace, commit, path) if commit else None
    if data is None:
        raise refused(
            f"the release branch {branch!r} has no file {path!r}",
            "the allowed signers, since approvals have to be signed (`signed-approvals = true`)",
            "add it: one line for each person, `NAME namespaces=\"lockgate\" KEYTYPE KEY` (ssh-keygen(1))",
        )  # fmt: skip
    return data.decode(errors="replace")


def signature_fault(release: Release) -> Fault:
    """What says whether an approval's signature is by an allowed signer; the signers are read once."""
    if not release.settings.signed_approvals:
        return lambda _: ""
    allowed = allowed_signers(release)

    def fault(approval: Approval) -> str:
        return signatures.fault(approval.fingerprint, approval.signature, approval.approver.strip(), allowed, NAMESPACE)

    return fault


def check(release: Release) -> tuple[Problem, ...]:
    """What keeps the approvals of this release from ever being given, known before anything is done."""
    request = release.request
    problems = check_request(request.requested_by, approve_all=request.approve_all, rules=rules_of(release, PUBLISH))
    if release.settings.signed_approvals:
        allowed_signers(release)
    return problems
