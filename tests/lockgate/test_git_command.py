"""What reaches git: environment, addresses, names and paths."""

from __future__ import annotations

import base64
import subprocess

import pytest

from lockgate.errors import RefusedError
from lockgate.git_command import (
    check_address,
    check_commit,
    check_ref_name,
    check_revision,
    git_environment,
    removed_variables,
    without_credentials,
)
from lockgate.secrets import Token

TOKEN = Token("ghp_secret")
URL = "https://host/o/n.git"


def test_the_token_is_a_header_for_one_address_after_what_was_configured_before() -> None:
    added = git_environment({"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b"}, URL, TOKEN)
    keys = [added[f"GIT_CONFIG_KEY_{number}"] for number in range(1, int(added["GIT_CONFIG_COUNT"]))]
    values = [added[f"GIT_CONFIG_VALUE_{number}"] for number in range(1, int(added["GIT_CONFIG_COUNT"]))]
    assert "GIT_CONFIG_KEY_0" not in added
    header = base64.b64encode(b"x-access-token:ghp_secret").decode()
    assert list(zip(keys, values, strict=True))[-3:] == [
        (f"http.{URL}.extraHeader", ""),
        (f"http.{URL}.extraHeader", f"Authorization: Basic {header}"),
        ("credential.helper", ""),
    ]
    assert ("http.followRedirects", "false") in zip(keys, values, strict=True)


@pytest.mark.parametrize("url", ["ssh://git@host/o/n", "git@host:o/n", "/srv/origin.git", ""])
def test_no_header_is_made_for_addresses_that_are_not_http(url: str) -> None:
    assert not any("Authorization" in value for value in git_environment({}, url, TOKEN).values())


def test_variables_that_mislead_git_and_secrets_are_removed() -> None:
    kept = {
        "HOME": "/h",
        "GIT_SSH_COMMAND": "ssh",
        "GIT_CONFIG_GLOBAL": "x",
        "GIT_AUTHOR_NAME": "a",
        "GIT_CONFIG_COUNT": "1",
    }
    gone = {
        "GIT_DIR": "x",
        "GIT_WORK_TREE": "x",
        "GIT_INDEX_FILE": "x",
        "GIT_TRACE_CURL": "1",
        "GH_TOKEN": "x",
        "TWINE_PASSWORD": "x",
    }
    assert set(removed_variables({**kept, **gone})) == set(gone)


@pytest.mark.parametrize(
    "url",
    ["https://github.com/o/n", "http://127.0.0.1:80/o/n.git", "git@host:o/n.git", "/srv/x.git", "ssh://git@host/o"],
)
def test_usual_addresses_pass(url: str) -> None:
    check_address(url, TOKEN)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("--upload-pack=touch x", "no address of a repository"),
        ("ext::sh -c id", "no address of a repository"),
        ("", "no address of a repository"),
        ("https://host/\nx", "no address of a repository"),
        ("https://me:ghp_x@host/o/n", "holds a password or token"),
        ("https://ghp_0123456789012345678901234567890123@host/o/n", "holds a password or token"),
        ("http://host/o/n", "not encrypted"),
    ],
)
def test_dangerous_addresses_are_refused_without_showing_a_secret(url: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        check_address(url, TOKEN)
    assert "ghp_" not in str(caught.value)


def test_credentials_are_taken_out_of_an_address() -> None:
    assert without_credentials("https://me:pw@host:8/o/n") == "https://host:8/o/n"
    assert without_credentials("git@host:o/n") == "git@host:o/n"


@pytest.mark.parametrize(
    "name",
    ["v1.0", "1.0rc1", "feature/x", "a-b", "@x", "--delete", "-x", "a..b", "a b", "a:b", "a^", "a~1", "x.lock",
     "x.lock/y", ".x", "a/.b", "a//b", "/a", "a/", "a.", "a@{b", "a*", "a?", "a[b", "a\\b", "a\nb", ""],
)  # fmt: skip
def test_names_are_judged_as_git_judges_them(name: str) -> None:
    allowed = (
        subprocess.run(["git", "check-ref-format", "--branch", name], check=False, capture_output=True).returncode == 0
    )
    if allowed:
        assert check_ref_name(name, "tag") == name
    else:
        with pytest.raises(RefusedError, match="cannot be the name of a tag"):
            check_ref_name(name, "tag")


@pytest.mark.parametrize("commit", ["HEAD", "abc", "-" * 40, "A" * 40, "a" * 41])
def test_only_full_commit_ids_count_as_commits(commit: str) -> None:
    with pytest.raises(RefusedError, match="no full commit id"):
        check_commit(commit)
    assert check_commit("a" * 64) == "a" * 64


@pytest.mark.parametrize("revision", ["--output=x", "-n", "^main", "a..b", "", "a\nb"])
def test_options_and_ranges_are_no_revisions(revision: str) -> None:
    with pytest.raises(RefusedError, match="no name of a commit"):
        check_revision(revision)
    assert check_revision("origin/main~2") == "origin/main~2"
