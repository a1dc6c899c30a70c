"""Masking: every encoding of a known secret, and texts that would take exponential or quadratic time."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from lockgate import masking
from lockgate.errors import Problem, RefusedError
from lockgate.masking import MASK, learn_from, mask_secrets, secrets_in
from lockgate.secrets import Token

SECRET = "ma'rk\"er/of+the=tök&n-4f1d7c\\"
WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in an address": lambda secret: quote(secret, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in an address, lower case": lambda secret: re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda secret: json.dumps(secret, ensure_ascii=False),
    "Python": repr,
    "Python's bytes": lambda secret: repr(secret.encode()),
    "a shell": shlex.quote,
    "HTML": html.escape,
    "hexadecimal": lambda secret: secret.encode().hex(),
}


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", {})


@pytest.mark.parametrize("how", WRITTEN)
def test_every_encoding_of_a_secret_is_masked(how: str) -> None:
    Token(SECRET)
    written = WRITTEN[how](SECRET)
    masked = mask_secrets(f"before {written} after")
    assert MASK in masked
    assert "4f1d7c" not in masked
    assert b"4f1d7c".hex() not in masked


@pytest.mark.parametrize("user", ["x-access-token", "git", "", "ab", "a b c"])
@pytest.mark.parametrize("tail", ["", "x", "yz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_masked_wherever_the_secret_begins_in_it(
    user: str, tail: str, encode: Callable[[bytes], bytes]
) -> None:
    Token(SECRET)
    written = encode(f"{user}:{SECRET}{tail}".encode()).decode()
    masked = mask_secrets(f"header {written}")
    assert MASK in masked
    left = max(masked.removeprefix("header ").split(MASK), key=len)
    assert len(left) <= len(encode(f"{user}:".encode())) + 4


def test_the_environment_names_its_secrets() -> None:
    environ = {
        "GH_TOKEN": "one-token", "PGPASSWORD": "two-password", "AWS_SECRET_ACCESS_KEY": "three-key",
        "PREFECT_API_AUTH_STRING": "admin:four-password", "DATABASE_URL": "postgresql://me:five%2Dsecret@db.example/x",
        "HTTPS_PROXY": "http://me:six-secret@proxy.example:3128", "LOCKGATE_TOKEN_BLOCK": "the-block",
        "TOKEN_FILE": "/run/secrets/token", "HOME": "/home/ada", "SHORT_TOKEN": "abc",
    }  # fmt: skip
    found = set(secrets_in(environ))
    assert {
        "one-token",
        "two-password",
        "three-key",
        "four-password",
        "five-secret",
        "five%2Dsecret",
        "six-secret",
    } <= found
    assert not {"the-block", "/run/secrets/token", "/home/ada", "admin"} & found
    learn_from(environ)
    assert mask_secrets("the-block abc one-token /home/ada five-secret") == f"the-block abc {MASK} /home/ada {MASK}"


def test_an_error_is_born_without_secrets() -> None:
    Token("hush-hush-hush")
    error = RefusedError(Problem("saw hush-hush-hush", "not hush-hush-hush", "hide hush-hush-hush"))
    assert "hush-hush-hush" not in str(error) + repr(error) + repr(error.problems)


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "eyJeyJa-", "a.", "https://a:", "://", "authorization ", "basic ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
     "gh", "pypi-", "?token=", "AAAA", " \t", "/", "ma'rk"],
)  # fmt: skip
def test_what_is_masked_takes_time_in_proportion(piece: str) -> None:
    """A megabyte of each: what looked at every rest from every character would not end within the suite's time limit."""
    Token(SECRET)
    text = piece * (1_000_000 // len(piece))
    assert mask_secrets(f"{text}{SECRET}").endswith(MASK) or "PRIVATE KEY" in piece or piece in {"eyJ", "gh", "?token="}
