"""Which repository origin's address names, and where that may be."""

from __future__ import annotations

import pytest

from lockgate.origins import check_origin, folder_name, place_of, repository_place

GITHUB: dict[str, str] = {}
SANDBOX = {"GITHUB_SERVER_URL": "http://127.0.0.1:8123", "GITHUB_API_URL": "http://127.0.0.1:8123/api/v3"}
COMPANY = {"GITHUB_SERVER_URL": "https://forge.test", "GITHUB_API_URL": "https://forge.test/api/v3"}


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("https://github.com/octo/pkg.git", GITHUB),
        ("https://GitHub.com/Octo/pkg", GITHUB),
        ("git@github.com:octo/pkg.git", GITHUB),
        ("ssh://git@ssh.github.com:443/octo/pkg.git", GITHUB),
        ("https://forge.test/octo/pkg.git", COMPANY),
        ("http://127.0.0.1:8123/octo/pkg.git", SANDBOX),
        ("file:///srv/octo/pkg.git", SANDBOX),
        ("git@github-work:octo/pkg.git", {"LOCKGATE_MIRRORS": "https://git.test/mirrors/ git@github-work:"}),
        ("https://git.test/mirrors/octo/pkg.git", {"LOCKGATE_MIRRORS": "https://git.test/mirrors/ git@github-work:"}),
    ],
)
def test_the_repository_that_it_says(url: str, environ: dict[str, str]) -> None:
    assert check_origin(url, environ) == ()


@pytest.mark.parametrize(
    ("url", "environ", "words"),
    [
        ("file:///srv/octo/pkg.git", GITHUB, "is a path of this machine"),
        ("/srv/octo/pkg.git", GITHUB, "is a path of this machine"),
        ("https://gitlab.test/octo/pkg.git", GITHUB, "is on another host"),
        ("https://github.com.evil.test/octo/pkg.git", GITHUB, "is on another host"),
        ("https://github.com@evil.test/octo/pkg.git", GITHUB, "is on another host"),
        ("http://github.com/octo/pkg.git", GITHUB, "is on another host"),
        ("git://github.com/octo/pkg.git", GITHUB, "is on another host"),
        ("git@evil.test:octo/pkg.git", GITHUB, "is on another host"),
        ("git@github.com:octo/pkg.git", COMPANY, "is on another host"),
        ("https://github.com/octo/pkg.git", SANDBOX, "is on another host"),
        ("http://127.0.0.1:9999/octo/pkg.git", SANDBOX, "is on another host"),
        ("https://github.com/mirrors/octo/pkg.git", GITHUB, "has more parts than owner and name"),
        (
            "https://git.test/mirrors/octo/pkg.git",
            {"LOCKGATE_MIRRORS": "https://git.test/mirror"},
            "is on another host",
        ),
        ("https://git.test/mirrors/x/octo/pkg.git", {"LOCKGATE_MIRRORS": "https://git.test/mirrors/"}, "another host"),
        ("https://[octo/pkg.git", GITHUB, "cannot be read"),
    ],
)
def test_another_repository_of_the_same_name_is_refused(url: str, environ: dict[str, str], words: str) -> None:
    (problem,) = check_origin(url, environ)
    assert words in problem.seen


def test_a_password_in_the_address_is_not_shown() -> None:
    (problem,) = check_origin("https://me:hidden@evil.test/octo/pkg.git", GITHUB)
    assert "hidden" not in str(problem)


def test_folders_are_of_one_repository_each() -> None:
    assert folder_name("a--b/c") != folder_name("a/b--c")
    assert folder_name("Octo/Pkg") == folder_name("octo/pkg")


def test_evidence_names_the_place_and_a_sandbox_is_another_one_than_github() -> None:
    assert repository_place("Octo/pkg", GITHUB) == "github.com/octo/pkg"
    assert repository_place("octo/pkg", SANDBOX) == "127.0.0.1/octo/pkg"
    assert place_of("https://index.example/simple/") == "index.example/simple"
    assert place_of("http://127.0.0.1:8999/simple/") == "127.0.0.1/simple"
    assert place_of("https://index.test:8443/simple/") == "index.test:8443/simple"
