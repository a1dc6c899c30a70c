"""Signatures of real keys, made and verified by ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clients.signatures import prove, sign
from lockgate.errors import RefusedError

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
TEXT = "d7b1361ff4b1c40fca61256a80990f7e3a4674a7f896616479b175d62a33389f"
SPACE = "lockgate"


def make_key(folder: Path, name: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True, timeout=60
    )
    return folder / name


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("ann", "eve")}


@pytest.fixture(scope="module")
def allowed(keys: dict[str, Path]) -> str:
    return f'ann@example.org namespaces="{SPACE}" {keys["ann"].with_suffix(".pub").read_text()}'


def fault(text: str, signature: str, signer: str, allowed: str) -> str:
    return prove(text, signature, signer, allowed, SPACE).fault


def test_own_signature_is_good_and_tells_its_key(keys: dict[str, Path], allowed: str) -> None:
    signature = sign(TEXT, keys["ann"], SPACE)
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", keys["ann"].with_suffix(".pub")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert prove(TEXT, signature, "ann@example.org", allowed, SPACE) == ("", shown.split()[1])


def test_a_name_that_looks_like_a_key_does_not_pass_for_one(keys: dict[str, Path]) -> None:
    signature, forged = sign(TEXT, keys["ann"], SPACE), f"x key SHA256:{'A' * 43}"
    allowed = f'*SHA256* namespaces="{SPACE}" {keys["ann"].with_suffix(".pub").read_text()}'
    proof = prove(TEXT, signature, forged, allowed, SPACE)
    assert proof.fault == ""
    assert "AAAAAAAA" not in proof.key


def test_signature_pasted_into_a_form_is_good(keys: dict[str, Path], allowed: str) -> None:
    signature = "\r\n" + sign(TEXT, keys["ann"], SPACE).replace("\n", "\r\n") + " "
    assert fault(TEXT, signature, "ann@example.org", allowed) == ""


def test_documented_command_makes_a_good_signature(keys: dict[str, Path], allowed: str) -> None:
    """What the brief tells a person to type."""
    made = subprocess.run(
        f"printf %s {TEXT} | ssh-keygen -Y sign -n {SPACE} -f {keys['ann']}", shell=True, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert fault(TEXT, made.stdout, "ann@example.org", allowed) == ""


def test_foreign_and_unfit_signatures_are_told(keys: dict[str, Path], allowed: str) -> None:
    ann, eve = sign(TEXT, keys["ann"], SPACE), sign(TEXT, keys["eve"], SPACE)
    other = sign(TEXT, keys["ann"], "git")
    assert "ssh-keygen says" in fault(TEXT, eve, "ann@example.org", allowed)
    assert "ssh-keygen says" in fault(TEXT, ann, "eve@example.org", allowed)
    assert "ssh-keygen says" in fault(TEXT + "0", ann, "ann@example.org", allowed)
    assert "ssh-keygen says" in fault(TEXT, other, "ann@example.org", allowed)
    assert "ssh-keygen says" in fault(TEXT, ann, "ann@example.org", "")
    assert "ssh-keygen says" in fault(TEXT, ann.replace("AAAA", "BBBB", 1), "ann@example.org", allowed)


@pytest.mark.parametrize(
    ("signature", "signer", "words"),
    [
        ("", "ann@example.org", "carries no signature"),
        ("yes, me", "ann@example.org", "is no SSH signature"),
        ("-----BEGIN SSH SIGNATURE-----", "", "cannot be the name of a signer"),
        ("-----BEGIN SSH SIGNATURE-----", "-Oprint-pubkey", "cannot be the name of a signer"),
    ],
)
def test_what_is_no_signature_is_told(signature: str, signer: str, words: str) -> None:
    assert words in fault(TEXT, signature, signer, "")


def test_unusable_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="could not sign"):
        sign(TEXT, tmp_path / "none", SPACE)
