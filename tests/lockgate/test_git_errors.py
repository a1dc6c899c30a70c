"""Each of git's messages has a meaning; the texts are git's and GitHub's own."""

from __future__ import annotations

import re

import pytest

from lockgate.errors import RefusedError, UnavailableError
from lockgate.git_errors import MEANINGS, explain, explain_push, meaning_of
from lockgate.repository import PushedRef

TEXTS = [
    ("no git", "env: 'git': No such file or directory"),
    ("too much", "Too much: more than 134217728 bytes of output: git ls-remote"),
    ("too much", "fatal: Out of memory, realloc failed"),
    ("timeout", 'Timeout: the command "git ls-remote x" did not complete in 2 secs.'),
    ("timeout", "fatal: unable to access 'https://h/': Operation too slow. Less than 1000 bytes/sec transferred"),
    ("repository rule", "remote: error: GH013: Repository rule violations found for refs/tags/v1.\n ! [rejected] v1"),
    ("push protection", "remote: error: GH009: Secrets detected! This push failed."),
    ("protected branch", "remote: error: GH006: Protected branch update failed for refs/heads/main."),
    ("workflow scope", "(refusing to allow an OAuth App to create or update workflow `x.yml` without it)"),
    ("file too large", "remote: error: GH001: Large files detected."),
    ("hook declined", "refs/heads/main [remote rejected] (pre-receive hook declined)"),
    ("tag exists", "refs/tags/v1 [rejected] (already exists)"),
    ("tag exists", "fatal: tag 'v1' already exists"),
    ("main moved", "refs/heads/main [rejected] (fetch first)"),
    ("main moved", "refs/heads/main [rejected] (non-fast-forward)"),
    ("shallow", " ! [remote rejected] main -> main (shallow update not allowed)"),
    ("concurrent update", "error: cannot lock ref 'refs/heads/main': is at aaa but expected bbb"),
    ("lock present", "fatal: Unable to create '/r/.git/index.lock': File exists."),
    ("dubious ownership", "fatal: detected dubious ownership in repository at '/r'"),
    ("no permission", "remote: Permission to o/n.git denied to x.\nfatal: The requested URL returned error: 403"),
    ("no permission", "remote: Write access to repository not granted."),
    ("authentication", "fatal: could not read Username for 'http://h': terminal prompts disabled"),
    ("authentication", "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository."),
    ("authentication", "Host key verification failed.\nfatal: Could not read from remote repository."),
    ("authentication", "remote: Invalid username or token. Password authentication is not supported."),
    ("redirected", "fatal: unable to access 'http://h/o/n/': The requested URL returned error: 301"),
    ("not found", "remote: Repository not found.\nfatal: repository 'https://h/o/n.git/' not found"),
    ("not found", "ERROR: Repository not found.\nfatal: Could not read from remote repository."),
    ("not found", "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository."),
    ("no such branch", "fatal: couldn't find remote ref refs/heads/x"),
    ("no such branch", "fatal: Remote branch x not found in upstream origin"),
    ("rate limited", "The requested URL returned error: 429"),
    ("server error", "The requested URL returned error: 502"),
    ("certificate", "SSL certificate problem: unable to get local issuer certificate"),
    ("unreachable", "fatal: unable to access 'https://h/': Could not resolve host: h"),
    ("unreachable", "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote."),
    ("unreachable", "fatal: the remote end hung up unexpectedly"),
    ("protocol", "fatal: transport 'ext' not allowed"),
    ("no identity", "*** Please tell me who you are."),
    ("cannot sign", "error: gpg failed to sign the data"),
    ("ignored", "The following paths are ignored by one of your .gitignore files:\nx"),
    ("no repository", "fatal: not a git repository (or any of the parent directories): .git"),
    ("disk full", "error: file write error: No space left on device"),
    ("damaged", "fatal: bad object aaaa"),
    ("unknown", "fatal: something new"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_each_text_has_its_meaning(name: str, text: str) -> None:
    assert meaning_of(text).name == name


def test_every_meaning_has_a_text_that_shows_it() -> None:
    assert {name for name, _ in TEXTS} == {meaning.name for meaning in MEANINGS} | {"unknown"}


def test_only_what_passes_by_itself_is_tried_again() -> None:
    transient = {meaning.name for meaning in MEANINGS if meaning.transient}
    assert transient == {"timeout", "concurrent update", "rate limited", "server error", "unreachable"}


def test_an_outage_and_a_refusal_carry_gits_words_and_what_to_do() -> None:
    outage = explain("Reading x", "fatal: Could not resolve host: h")
    assert isinstance(outage, UnavailableError)
    assert "Reading x failed (unreachable): fatal: Could not resolve host: h" in str(outage)
    refusal = explain("Reading x", "fatal: something new")
    assert isinstance(refusal, RefusedError)
    assert "something new" in str(refusal)
    assert "Next: Read git's words" in str(refusal)


def test_words_of_a_hook_about_the_network_do_not_make_a_commit_transient() -> None:
    assert isinstance(explain("`git commit`", "Connection refused", remote=False), RefusedError)


def test_the_servers_words_come_before_gits_verdict() -> None:
    rejected = PushedRef("!", "refs/tags/v1", "[remote rejected] (push declined due to repository rule violations)")
    error = explain_push("Pushing", [rejected], "remote: error: GH013: Repository rule violations found\nhint: x\n")
    assert "(repository rule): remote: error: GH013" in str(error)
    assert "refs/tags/v1 [remote rejected]" in str(error)
    assert "hint" not in str(error)


def test_long_output_is_cut() -> None:
    assert len(str(explain("x", "y" * 5000))) < 2000
    assert re.search("git said nothing", str(explain("x", "")))
