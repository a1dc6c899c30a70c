"""SSH signatures, made and verified with OpenSSH's ssh-keygen (ssh-keygen(1), the -Y options)."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from lockgate.approvers import Proof
from lockgate.child_environment import helper_environment
from lockgate.errors import refused, unavailable
from lockgate.lines import lines_of

TIMEOUT_SECONDS = 120
BEGIN = "-----BEGIN SSH SIGNATURE-----"
_KEY = re.compile(r" key (SHA256:[A-Za-z0-9+/]{43})\Z")


def sign(text: str, key: Path, namespace: str) -> str:
    """The armoured signature over a text; ssh-keygen may ask for the key's passphrase on the terminal.

    A public key is signed with by the agent. Raises RefusedError when the key cannot be used.
    """
    done = _keygen(["-Y", "sign", "-n", namespace, "-f", str(key.expanduser())], text)
    if done.returncode != 0 or BEGIN not in done.stdout:
        said = lines_of(done.stderr.strip())
        raise refused(
            f"{key} could not sign: {said[-1] if said else 'no reason given'}",
            "an SSH key, or a public key whose private half the agent has", "name another key with --key",
        )  # fmt: skip
    return done.stdout


def prove(text: str, signature: str, signer: str, allowed: str, namespace: str) -> Proof:
    """What is wrong with a signature over a text by this signer, "" when nothing is, and the fingerprint of its key.

    Of a certificate the key is the certified one.
    `allowed` is the content of an allowed signers file (ssh-keygen(1), ALLOWED SIGNERS).
    """
    if BEGIN not in signature:
        return Proof("it carries no signature" if not signature.strip() else "what it carries is no SSH signature")
    if not signer or signer.startswith("-") or not signer.isprintable():
        return Proof(f"{signer!r} cannot be the name of a signer")
    with tempfile.TemporaryDirectory(prefix="lockgate-") as folder:
        signers, armoured = Path(folder, "signers"), Path(folder, "signature")
        signers.write_text(allowed, encoding="utf-8")
        armoured.write_text(signature.strip().replace("\r\n", "\n") + "\n", encoding="utf-8")
        done = _keygen(["-Y", "verify", "-n", namespace, "-I", signer, "-f", str(signers), "-s", str(armoured)], text)
    if done.returncode == 0:
        key = _KEY.search(done.stdout.strip())
        return Proof("", key[1]) if key else Proof("ssh-keygen does not say which key it is by")
    said = lines_of(done.stderr.strip() or done.stdout.strip() or "no reason given")
    return Proof(f"ssh-keygen says {said[-1]!r}")


def _keygen(arguments: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Run ssh-keygen with a text on standard input; it ends by itself and starts nothing."""
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
            env=helper_environment(os.environ),
        )  # fmt: skip
    except FileNotFoundError as error:
        raise refused("ssh-keygen was not found", "OpenSSH 8.1 or newer", "install OpenSSH's client") from error
    except subprocess.TimeoutExpired as error:
        raise unavailable(
            f"ssh-keygen did not end within {TIMEOUT_SECONDS} s", "an answer", "see that the key's agent answers"
        ) from error
