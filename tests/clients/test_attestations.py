"""Attestations verified with a real one: the library's own test files, from its sdist."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from clients.attestations import verify
from lockgate.errors import RefusedError
from tests.attested import FILE, WORKFLOW, fetch, sha256

OWN: dict[str, Any] = {
    "name": "sample-1.0.tar.gz",
    "sha256": "a" * 64,
    "repository": "owner/sample",
    "workflow": "publish.yml",
}


def provenance(*attestations: object, kind: str = "GitHub") -> str:
    publisher = {"kind": kind, "repository": "owner/sample", "workflow": "publish.yml", "environment": "pypi"}
    return json.dumps({"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": attestations}]})


def test_a_bundle_without_attestations_proves_nothing_and_is_no_error() -> None:
    assert verify(provenance(), **OWN) == ()


def attestation(certificate: bytes) -> dict[str, Any]:
    text = base64.b64encode(certificate).decode()
    return {
        "version": 1,
        "verification_material": {"certificate": text, "transparency_entries": [{}]},
        "envelope": {"statement": text, "signature": text},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "cannot be read: : Invalid JSON"),
        ("{}", "cannot be read: attestation_bundles: Field required"),
        (provenance(kind="New"), "update pypi-attestations"),
        (provenance({"version": 2}), "attestations.0.version"),
        (provenance(attestation(b"no certificate")), "certificate that cannot be read"),
    ],
)
def test_what_cannot_be_read_refuses(text: str, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        verify(text, **OWN)
    assert words in str(caught.value)
    assert "sample-1.0.tar.gz" in str(caught.value)


def test_a_name_of_no_standard_refuses() -> None:
    with pytest.raises(RefusedError, match="a name that no standard describes"):
        verify(provenance(), **{**OWN, "name": "sample.exe"})


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetch(tmp_path_factory.mktemp("assets"))


def real(assets: Path) -> dict[str, Any]:
    named = {"repository": "TrailOfBits/pypi-attestations", "workflow": WORKFLOW}
    return {"name": FILE, "sha256": sha256(assets), **named}


@pytest.mark.slow
def test_a_real_attestation_names_commit_tag_and_run(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (found,) = verify((assets / f"{FILE}.provenance").read_text(), **real(assets), refresh=False)
    assert found.repository == "trailofbits/pypi-attestations"
    assert found.commit == "08802efe1f8e5fec4ad842d6b8ce97656092ee72"
    assert (found.ref, found.workflow, found.trigger) == ("refs/tags/v0.0.19", "release.yml", "release")
    assert found.run_id == "12169989787"
    assert found.run_url.endswith("/actions/runs/12169989787/attempts/1")
    assert found.predicate.endswith("/attestations/publish/v1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "value", "words"),
    [
        ("sha256", "0" * 64, "subject does not match distribution digest"),
        ("name", "pypi_attestations-0.0.20.tar.gz", "subject does not match distribution name"),
        ("repository", "other/pypi-attestations", "instead of 'release.yml' of 'other/pypi-attestations'"),
        ("workflow", "publish.yml", "was made by 'release.yml'"),
    ],
)
def test_a_real_attestation_of_something_else_refuses(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, value: str, words: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RefusedError, match=words):
        verify((assets / f"{FILE}.provenance").read_text(), **{**real(assets), changed: value})


@pytest.mark.slow
def test_a_forged_signature_refuses(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    forged = json.loads((assets / f"{FILE}.provenance").read_text())
    envelope = forged["attestation_bundles"][0]["attestations"][0]["envelope"]
    statement = json.loads(base64.b64decode(envelope["statement"]))
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    envelope["statement"] = base64.b64encode(json.dumps(statement).encode()).decode()
    with pytest.raises(RefusedError, match="does not verify"):
        verify(json.dumps(forged), **{**real(assets), "sha256": "0" * 64}, refresh=False)


@pytest.mark.slow
def test_a_home_that_cannot_be_written_to_is_named(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(RefusedError, match="set HOME"):
        verify((assets / f"{FILE}.provenance").read_text(), **real(assets))
