"""Secrets do not stand in what is written: the ones that are known, in every encoding, and whatever looks like one.

Known are the tokens that were made (`lockgate.secrets`) and what the environment holds under a secret's name or as the password of
an address. One function masks them, in logs, errors, artifacts and on the terminal; it takes time in proportion to the text.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
LEAST = 6
"""Shorter values are left: they stand in other words."""

LEAST_ENCODED = 8
_NAMES = re.compile(
    r"(^|_)(TOKENS?|PASSWORD|PASSWD|PASSPHRASE|SECRETS?|CREDENTIALS?|API_?KEY|PRIVATE_KEY|(SECRET_)?ACCESS_KEY|PAT)(_|$)"
    r"|AUTH_STRING$|PGPASSWORD$"
)
_NO_SECRET = re.compile(r"_(BLOCK|FILE|PATH|DIR|NAME|ID|URL|URI|HOST|USER)$")
_ADDRESS = re.compile(r"://[^\s/@]*:[^\s/@]*@")
_PERCENT = re.compile(r"%[0-9A-F]{2}")

# GitHub's token formats (docs.github.com: About authentication), PyPI's macaroons, JSON Web Tokens (RFC 7519),
# credentials in headers, addresses and signed links. No word boundary before a token: a colour code may touch it.
# Each pattern consumes what it has looked at, or gives up at the next separator: none is tried again from every character.
_LOOKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"gh[pousr]_[A-Za-z0-9_]{10,}"), MASK),
    (re.compile(r"github_pat_[A-Za-z0-9_]{10,}"), MASK),
    (re.compile(r"pypi-(?:Ag[A-Za-z0-9_-]{14,}|[A-Za-z0-9_-]{48,})"), MASK),
    (
        re.compile(r"eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]{4,})?(?:\.[A-Za-z0-9_-]*)?"),
        lambda found: MASK if found[1] else found[0],
    ),
    (
        re.compile(
            r"(?i)(\b(?:proxy-)?authorization\b[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|token)\s+)?[^\s\"',;]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=_.~-]{16,}"), rf"\1 {MASK}"),
    (re.compile(r"://[^\s/@:]*:[^\s/@]+@"), f"://{MASK}@"),
    (
        re.compile(r"(?i)([?&](?:sig|signature|x-amz-signature|x-amz-credential|access_token|token)=)[^&\s\"']+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
)
_known: dict[str, tuple[str, ...]] = {}


def learn(*values: str) -> None:
    """Mask these values from now on, in this process."""
    for value in values:
        if len(value) >= LEAST and value not in _known:
            _known[value] = forms(value)


def learn_from(environ: Mapping[str, str]) -> None:
    """Mask from now on what an environment holds under the name of a secret, and the passwords of its addresses."""
    learn(*secrets_in(environ))


def secrets_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets of an environment: by name (GH_TOKEN, PGPASSWORD), USER:PASSWORD also alone, and out of addresses."""
    for name, value in environ.items():
        if _NAMES.search(name.upper()) and not _NO_SECRET.search(name.upper()):
            yield value.strip()
            if name.upper().endswith("AUTH_STRING"):
                yield value.strip().partition(":")[2]
        if _ADDRESS.search(value):
            yield from _password(value)


def mask_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return the text with every known secret, every value in `known`, and all that looks like a credential as `***`."""
    found = {form for values in tuple(_known.values()) for form in values}
    found.update(form for value in known if len(value) >= LEAST for form in forms(value))
    # Longest first: a value that contains another one must not leave its tail behind.
    for form in sorted((form for form in found if form in text), key=len, reverse=True):
        text = text.replace(form, MASK)
    for pattern, replacement in _LOOKS:
        text = pattern.sub(replacement, text)
    return text


def forms(secret: str) -> tuple[str, ...]:
    """Return the ways in which a secret is written: plain, in addresses, JSON, Python, a shell, HTML, hexadecimal and base64.

    In base64 what stands before it moves it by zero, one or two bytes: of each the part that only the secret decides.
    """
    quoted = [quote(secret, safe=""), quote(secret), quote_plus(secret)]
    quoted += [_PERCENT.sub(lambda found: found[0].lower(), one) for one in quoted]
    as_json = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    as_json += [one.replace("/", "\\/") for one in as_json]
    texts = [secret, *quoted, *as_json, repr(secret)[1:-1], shlex.quote(secret).strip("'"), html.escape(secret)]
    data = secret.encode(errors="surrogateescape")
    coded = [repr(data)[2:-1], data.hex(), data.hex().upper(), *_base64(data)]
    return tuple(dict.fromkeys([one for one in texts if one] + [one for one in coded if len(one) >= LEAST_ENCODED]))


def _base64(data: bytes) -> Iterator[str]:
    for shift in range(3):
        moved = b"\0" * shift + data
        text = base64.b64encode(moved).decode().rstrip("=")
        whole = text[(0, 2, 3)[shift] : len(text) if len(moved) % 3 == 0 else -1]
        yield from (whole, whole.translate(str.maketrans("+/", "-_")))


def _password(address: str) -> Iterator[str]:
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return
    yield from (password, unquote(password))
