"""Claims of certificates against the release they should belong to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.attestations import Certificate, ReleaseIdentity, attestation_problems, compare_certificate

EXPECTED = ReleaseIdentity("owner/sample", "publish.yml", "c" * 40, "v1.0", "77")
CERTIFICATE = Certificate(
    file="sample-1.0.tar.gz",
    predicate="publish",
    repository="Owner/Sample",
    commit="c" * 40,
    ref="refs/tags/v1.0",
    workflow="publish.yml",
    trigger="push",
    run_url="https://github.com/Owner/Sample/actions/runs/77/attempts/2",
    run_id="77",
)


def test_this_releases_claims_fit() -> None:
    assert compare_certificate(CERTIFICATE, EXPECTED) == ()


@pytest.mark.parametrize(
    ("claim", "value", "words"),
    [
        ("repository", "other/sample", "repository 'other/sample'"),
        ("workflow", "release.yml", "workflow file 'release.yml'"),
        ("commit", "d" * 40, f"commit '{'d' * 40}'"),
        ("ref", "refs/heads/main", "the ref of this release, 'refs/tags/v1.0'"),
        ("ref", "", "that it does not name"),
        ("run_id", "78", "the run of this release, '77'"),
        ("run_id", "", "run 'that it does not name'"),
    ],
)
def test_each_foreign_claim_is_named(claim: str, value: str, words: str) -> None:
    (problem,) = compare_certificate(replace(CERTIFICATE, **{claim: value}), EXPECTED)
    assert words in str(problem)
    assert "sample-1.0.tar.gz" in str(problem)
    assert "yank" in problem.next


def test_all_foreign_claims_are_reported_at_once() -> None:
    assert len(compare_certificate(replace(CERTIFICATE, commit="x", run_id="1"), EXPECTED)) == 2


def test_an_unknown_run_is_not_compared() -> None:
    assert compare_certificate(CERTIFICATE, replace(EXPECTED, run_id="")) == ()


@pytest.mark.parametrize(("required", "count"), [(True, 1), (False, 0)])
def test_a_file_without_attestation(required: bool, count: int) -> None:
    names = ["sample-1.0.tar.gz", "sample-1.0-py3-none-any.whl"]
    problems = attestation_problems(names, [CERTIFICATE], EXPECTED, required=required)
    assert len(problems) == count
    assert all("no attestation for sample-1.0-py3-none-any.whl" in str(problem) for problem in problems)


def test_a_foreign_claim_counts_even_when_none_is_required() -> None:
    foreign = replace(CERTIFICATE, commit="x")
    assert len(attestation_problems([foreign.file], [foreign], EXPECTED, required=False)) == 1
