"""Where a repository is on GitHub, read from addresses and the environment; what is refused."""

from __future__ import annotations

import pytest

from lockgate.errors import RefusedError, SettingsError
from lockgate.github import GitHub, api_url, is_on_server, server_url, slug_of
from lockgate.secrets import Token


@pytest.mark.parametrize(
    ("remote", "slug"),
    [
        ("https://github.com/octo/pkg.git", "octo/pkg"),
        ("https://github.com/octo/pkg", "octo/pkg"),
        ("https://github.com/octo/pkg/", "octo/pkg"),
        ("https://user@github.com/octo/my.pkg_x.git", "octo/my.pkg_x"),
        ("http://127.0.0.1:8123/octo/pkg.git", "octo/pkg"),
        ("git@github.com:octo/pkg.git", "octo/pkg"),
        ("github.com:octo/pkg", "octo/pkg"),
        ("ssh://git@ssh.github.com:443/octo/pkg.git", "octo/pkg"),
        ("git@github-work:octo_corp/pkg.git", "octo_corp/pkg"),
        ("https://example.test/mirrors/octo/pkg.git", "octo/pkg"),
        ("/srv/git/octo/pkg.git", None),
        ("../octo/pkg", None),
        ("https://github.com/octo", None),
        ("https://github.com/octo/p k g", None),
        ("", None),
    ],
)
def test_slug_of_a_remote(remote: str, slug: str | None) -> None:
    assert slug_of(remote) == slug


@pytest.mark.parametrize("slug", ["octo", "octo/pkg/more", "../pkg", "octo/..", "octo/p?x", "oc to/pkg", "octo/"])
def test_what_is_no_slug_is_refused(slug: str) -> None:
    with pytest.raises(RefusedError, match=r"is no repository name. Expected: owner/name"):
        GitHub("https://api.github.com", slug)


@pytest.mark.parametrize("text", ["ghp_a\nb", "ghp_a b", "ghp_ä"])
def test_a_token_that_no_header_can_carry_is_refused_unshown(text: str) -> None:
    with pytest.raises(RefusedError, match="copied along with it") as caught:
        GitHub("https://api.github.com", "octo/pkg", Token(text))
    assert "ghp_" not in str(caught.value)


def test_a_hub_does_not_show_its_token() -> None:
    assert "ghp_hidden" not in repr(GitHub("https://api.github.com", "octo/pkg", Token("ghp_hidden")))


def test_the_public_addresses_are_the_default() -> None:
    assert (api_url({}), server_url({})) == ("https://api.github.com", "https://github.com")


@pytest.mark.parametrize("address", ["https://forge.test/api/v3", "http://127.0.0.1:8000/api/v3", "http://localhost/x"])
def test_an_address_from_the_environment(address: str) -> None:
    assert api_url({"GITHUB_API_URL": address + "/"}) == address


@pytest.mark.parametrize(
    "address", ["http://forge.test/api/v3", "https://", "ftp://x", "https://u:hidden@x", "https://x?y"]
)
def test_an_address_that_would_betray_the_token_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"GITHUB_API_URL is not usable. Expected: an https:// address") as caught:
        api_url({"GITHUB_API_URL": address})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/octo/pkg.git", True),
        ("https://gitlab.test/octo/pkg.git", False),
        ("http://github.com/octo/pkg.git", False),
        ("https://github.com:444/octo/pkg.git", False),
        ("https://github.com.evil.test/octo/pkg.git", False),
        ("git@github.com:octo/pkg.git", False),
        ("ssh://git@github.com/octo/pkg.git", False),
    ],
)
def test_the_token_is_meant_for_remotes_of_the_same_server(remote: str, expected: bool) -> None:
    assert is_on_server(remote, "https://github.com") is expected
