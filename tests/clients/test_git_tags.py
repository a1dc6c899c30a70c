"""Tags and their signatures, with real keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clients import git, git_tags
from lockgate.errors import RefusedError

Run = Callable[..., str]


@pytest.fixture
def head(checkout: Path) -> str:
    """The commit that is tagged."""
    return git.read_commit(checkout, "HEAD").sha


@pytest.fixture
def key(checkout: Path, run: Run, tmp_path: Path) -> Path:
    """An SSH key without a passphrase, configured for signing."""
    file = tmp_path / "key"
    run(tmp_path, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file))
    run(checkout, "git", "config", "gpg.format", "ssh")
    run(checkout, "git", "config", "user.signingkey", str(file))
    return file


def test_an_annotated_tag_is_made_once(checkout: Path, head: str) -> None:
    assert git_tags.tag_commit(checkout, "v1") is None
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)
    made = git.observe_checkout(checkout).tag_objects["v1"]
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)
    assert git_tags.tag_commit(checkout, "v1") == head
    assert git.observe_checkout(checkout).tag_objects["v1"] == made != head
    assert not git_tags.is_signed(checkout, "v1")


def test_a_tag_on_another_commit_is_never_moved(checkout: Path, head: str) -> None:
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)
    (checkout / "VERSION").write_text("2\n")
    later = git.commit_files(checkout, ["VERSION"], "later")
    with pytest.raises(RefusedError, match=r"tag 'v1' already exists.*Lockgate moves no tag"):
        git_tags.create_tag(checkout, "v1", later, "Release 1", sign=False)
    assert git_tags.tag_commit(checkout, "v1") == head


def test_a_lightweight_tag_does_not_count_as_the_releases_tag(checkout: Path, head: str, run: Run) -> None:
    run(checkout, "git", "tag", "v1")
    with pytest.raises(RefusedError, match="already exists"):
        git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)


@pytest.mark.parametrize("tag", ["--delete", "a b", ""])
def test_names_that_are_no_tags_are_refused(tag: str, checkout: Path, head: str) -> None:
    with pytest.raises(RefusedError, match="cannot be the name of a tag"):
        git_tags.create_tag(checkout, tag, head, "x", sign=False)


def test_a_signed_tag_verifies_against_the_own_key(checkout: Path, head: str, key: Path) -> None:
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=True)
    assert git_tags.is_signed(checkout, "v1")
    git_tags.verify_tag(checkout, "v1")


def test_a_signature_counts_by_the_allowed_signers_where_they_are_configured(
    checkout: Path, head: str, key: Path, run: Run, tmp_path: Path
) -> None:
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=True)
    signers = tmp_path / "signers"
    run(checkout, "git", "config", "gpg.ssh.allowedSignersFile", str(signers))
    signers.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    git_tags.verify_tag(checkout, "v1")
    run(tmp_path, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other"))
    signers.write_text(f"ada@example.org {(tmp_path / 'other.pub').read_text()}")
    with pytest.raises(RefusedError, match="signature of tag v1 does not verify"):
        git_tags.verify_tag(checkout, "v1")


def test_a_key_that_cannot_sign_leaves_no_unsigned_tag(checkout: Path, head: str, run: Run, tmp_path: Path) -> None:
    """git 2.39 itself writes the tag unsigned here and exits with 0."""
    run(tmp_path, "ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", str(tmp_path / "locked"))
    run(checkout, "git", "config", "gpg.format", "ssh")
    run(checkout, "git", "config", "user.signingkey", str(tmp_path / "locked"))
    with pytest.raises(RefusedError, match=r"signing key into its agent"):
        git_tags.create_tag(checkout, "v1", head, "Release 1", sign=True)
    assert git_tags.tag_commit(checkout, "v1") is None


def test_a_persons_own_wish_for_signed_tags_counts(checkout: Path, head: str, run: Run, tmp_path: Path) -> None:
    run(checkout, "git", "config", "tag.gpgSign", "yes")
    run(checkout, "git", "config", "gpg.format", "ssh")
    run(checkout, "git", "config", "user.signingkey", str(tmp_path / "absent"))
    with pytest.raises(RefusedError, match="signing key"):
        git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)
    assert git_tags.tag_commit(checkout, "v1") is None


def test_an_openpgp_key_that_is_not_there_is_explained(checkout: Path, head: str, run: Run) -> None:
    run(checkout, "git", "config", "user.signingkey", "0123456789ABCDEF")
    with pytest.raises(RefusedError, match=r"\(cannot sign\).*check user.signingkey"):
        git_tags.create_tag(checkout, "v1", head, "Release 1", sign=True)


def test_an_unsigned_tag_that_is_already_there_is_refused_when_signing_is_asked(checkout: Path, head: str) -> None:
    git_tags.create_tag(checkout, "v1", head, "Release 1", sign=False)
    with pytest.raises(RefusedError, match=r"v1 is already here without a signature.*git tag -d v1"):
        git_tags.create_tag(checkout, "v1", head, "Release 1", sign=True)
    with pytest.raises(RefusedError, match="Tag v1 has no signature"):
        git_tags.verify_tag(checkout, "v1")


def test_a_message_that_only_looks_signed_does_not_verify(checkout: Path, head: str, key: Path, run: Run) -> None:
    forged = "x\n-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
    run(checkout, "git", "tag", "-a", "-m", forged, "v1", head)
    with pytest.raises(RefusedError, match="does not verify"):
        git_tags.verify_tag(checkout, "v1")
