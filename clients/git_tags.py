"""Tags on this machine: make them, sign them, check their signatures. No tag is ever moved."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from clients.git_process import HOOKS_SECONDS, git, run_git
from lockgate.errors import refused
from lockgate.git_command import check_commit, check_ref_name
from lockgate.git_errors import explain
from lockgate.lines import lines_of
from lockgate.repository import Person

_SIGNATURES: Final = (
    "-----BEGIN SSH SIGNATURE-----",
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN SIGNED MESSAGE-----",
)
_SIGNING_NEXT: Final = "Load the signing key into its agent and check user.signingkey and gpg.format"


def create_tag(path: Path, tag: str, commit: str, message: str, *, sign: bool, author: Person | None = None) -> None:
    """Make an annotated tag here; the same one already here is left alone.

    Refuses a tag of that name that is something else, and a signature that was asked for (by `sign`, or by the person's
    own tag.gpgSign) and not made: git 2.39 writes an unsigned tag, and says it succeeded, when an SSH key cannot sign.
    """
    check_ref_name(tag, "tag")
    sign = sign or _config(path, "--type=bool", "tag.gpgSign") == "true"
    if tag_commit(path, tag) == check_commit(commit) and _is_annotated(path, tag):
        if sign and not is_signed(path, tag):
            next_step = f"If it was never pushed, delete it with `git tag -d {tag}` and run again"
            raise refused(f"Tag {tag} is already here without a signature", "a signed tag", next_step)
        return
    kind = "--sign" if sign else "--annotate"
    who = author.environment if author else None
    git(path, "tag", kind, f"--message={message}", "--", tag, commit, extra=who, seconds=HOOKS_SECONDS)
    if sign and not is_signed(path, tag):
        _take_back(path, tag)
        raise refused(f"Tag {tag} came out without a signature and was taken back", "a signed tag", _SIGNING_NEXT)


def tag_commit(path: Path, tag: str) -> str | None:
    """Give the commit that a local tag points at (peeled); None without such a tag."""
    name = f"refs/tags/{check_ref_name(tag, 'tag')}^{{commit}}"
    status, out, error = run_git(path, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if status and error.strip():
        raise explain(f"Looking for tag {tag} in {path}", error, remote=False)
    return None if status else out.strip()


def message_of(path: Path, tag_object: str) -> str:
    """The text of an annotated tag, by the id of its object; "" for a commit's, or when it is not here."""
    status, out, _ = run_git(path, "cat-file", "tag", check_commit(tag_object))
    return "" if status else out.partition("\n\n")[2]


def is_signed(path: Path, tag: str) -> bool:
    """Say whether a local tag carries a signature; whether it is a valid one says verify_tag."""
    text = git(path, "cat-file", "-p", f"refs/tags/{check_ref_name(tag, 'tag')}")
    return any(line in _SIGNATURES for line in lines_of(text))


def verify_tag(path: Path, tag: str) -> None:
    """Refuse a tag whose signature is missing or does not verify.

    SSH signatures are checked with gpg.ssh.allowedSignersFile where it is set, else against user.signingkey.
    """
    if not is_signed(path, tag):
        raise refused(f"Tag {tag} has no signature", "a signed tag", _SIGNING_NEXT)
    with tempfile.TemporaryDirectory() as folder:
        trust = _own_signer(path, Path(folder) / "signers")
        status, _, error = run_git(path, *trust, "tag", "--verify", "--", tag, seconds=HOOKS_SECONDS)
    if status:
        raise refused(
            f"The signature of tag {tag} does not verify: {error.strip()}",
            "a signature by a key that this machine trusts",
            "Check gpg.ssh.allowedSignersFile or the key ring, and who made the tag",
        )


def _own_signer(path: Path, file: Path) -> tuple[str, ...]:
    """Trust the configured SSH signing key, for one call, when no allowed-signers file is configured."""
    key = _config(path, "user.signingkey")
    if not key or _config(path, "gpg.format") != "ssh" or _config(path, "gpg.ssh.allowedSignersFile"):
        return ()
    file.write_text(f'* namespaces="git" {_public_key(key)}\n', encoding="utf-8")
    return ("-c", f"gpg.ssh.allowedSignersFile={file}")


def _public_key(key: str) -> str:
    """Give the text of a key that user.signingkey names: itself, or its file (git-config(1))."""
    if key.startswith(("key::", "ssh-")):
        return key.removeprefix("key::")
    file = Path(key.removesuffix(".pub") + ".pub").expanduser()
    if not file.is_file():
        raise refused(f"{file} is not there", "the public half of user.signingkey", "Put it beside the private key")
    return file.read_text(encoding="utf-8").strip()


def _config(path: Path, *key: str) -> str:
    status, out, _ = run_git(path, "config", "--get", *key)
    return "" if status else out.strip()


def _is_annotated(path: Path, tag: str) -> bool:
    return git(path, "cat-file", "-t", f"refs/tags/{tag}").strip() == "tag"


def _take_back(path: Path, tag: str) -> None:
    # The object just made is named, so that only it can be deleted.
    made = git(path, "rev-parse", "--verify", f"refs/tags/{tag}").strip()
    git(path, "update-ref", "-d", f"refs/tags/{tag}", made)
