"""What names a release's artifacts has to name the same bytes."""

from __future__ import annotations

from dataclasses import replace

from lockgate.agreement import approved_digests, disagreements
from lockgate.approvals import Approval, fingerprint_of
from lockgate.artifacts import Artifact

WHEEL, A, B = "pkg-1.0-py3-none-any.whl", "a" * 64, "b" * 64
EVIDENCE = {"commit": "c" * 40, "settings": "d" * 64, WHEEL: A}
YES = Approval(
    "publisher", "approve", "Ann", "", "2026-11-27T20:00:00Z", fingerprint_of("publisher", EVIDENCE), "form",
    evidence=EVIDENCE,
)  # fmt: skip
WHO = "the approval by Ann at 2026-11-27T20:00:00Z (publisher)"
BUILT = Artifact(WHEEL, A, 1, "wheel")


def test_an_approval_tells_the_bytes_that_it_was_given_for() -> None:
    assert approved_digests([YES], "c" * 40) == {WHO: {WHEEL: A}}


def test_evidence_that_the_fingerprint_is_not_over_counts_for_nothing() -> None:
    assert approved_digests([replace(YES, evidence={**EVIDENCE, WHEEL: B})], "c" * 40) == {}
    assert approved_digests([replace(YES, decision="decline")], "c" * 40) == {}
    assert approved_digests([YES], "e" * 40) == {}


def test_both_digests_are_named() -> None:
    (problem,) = disagreements([replace(BUILT, sha256=B)], {WHO: {WHEEL: A}})
    assert (B in problem.seen, A in problem.seen, WHO in problem.seen) == (True, True, True)
    assert disagreements([BUILT], {WHO: {WHEEL: A}}) == ()


def test_a_file_that_only_one_of_them_names_is_a_difference() -> None:
    assert len(disagreements([], {WHO: {WHEEL: A}})) == 1
    assert len(disagreements([BUILT, Artifact("pkg-1.0.tar.gz", B, 1, "sdist")], {WHO: {WHEEL: A}})) == 1
