from __future__ import annotations

import urllib.request

import pytest

from lockgate.proxies import loopback_exceptions, unusable_proxies

PROXY = {"HTTP_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, None),
        ({"NO_PROXY": "intern.example"}, None),
        (PROXY, "127.0.0.1,localhost,::1"),
        ({"all_proxy": "proxy.example"}, "127.0.0.1,localhost,::1"),
        ({**PROXY, "NO_PROXY": "a.example, localhost"}, "a.example,localhost,127.0.0.1,::1"),
        ({**PROXY, "no_proxy": "a.example", "NO_PROXY": "b.example"}, "a.example,b.example,127.0.0.1,localhost,::1"),
        ({**PROXY, "no_proxy": "*"}, None),
    ],
)
def test_this_machine_is_an_exception_wherever_there_is_a_proxy(environ, wanted) -> None:
    found = loopback_exceptions(environ)
    assert found == ({} if wanted is None else {"no_proxy": wanted, "NO_PROXY": wanted})


def test_python_takes_the_exceptions_as_they_are_meant() -> None:
    proxies = {"http": PROXY["HTTP_PROXY"], "no": loopback_exceptions(PROXY)["no_proxy"]}
    assert urllib.request.proxy_bypass_environment("127.0.0.1:4200", proxies)
    assert not urllib.request.proxy_bypass_environment("index.example", proxies)


@pytest.mark.parametrize(
    ("address", "socks", "usable"),
    [
        ("http://proxy.example:3128", False, True),
        ("proxy.example:3128", False, True),
        ("HTTPS://proxy.example", False, True),
        ("socks5://proxy.example", True, True),
        ("socks5h://proxy.example", False, False),
        ("socks4://proxy.example", True, False),
        ("ftp://me:marker@proxy.example", False, False),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_address(address, socks, usable) -> None:
    found = unusable_proxies({"ALL_PROXY": address}, socks=socks)
    assert bool(found) != usable
    assert "proxy.example" not in str(found)
    assert not unusable_proxies({"ALL_PROXY": address, "NO_PROXY": "*"}, socks=socks)
