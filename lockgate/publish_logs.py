"""What the logs of a publish run say: upload lines, the index's refusals with advice, and secrets to mask.

Knows the wording of twine, gh-action-pypi-publish and `uv publish`, and the error texts of PyPI's own source
(warehouse: forklift/legacy.py, oidc/views.py). Never decides whether something is published: only the index can.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from lockgate.lines import lines_of
from lockgate.masking import mask_secrets

MAX_LINE_CHARACTERS = 1000  # of a log's line; what an index or a tool says is shorter
MAX_MEMBER_NAME_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class NoLogs:
    """That there are no logs of a run to keep, and why."""

    why: str


_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_DEBUG = re.compile(r"::debug::|##\[debug\]")

_UPLOAD_LINE = re.compile(
    r"""
      Uploading\ (?:distributions\ to\ |[\w.+-]+\.(?:whl|tar\.gz|zip)\b|attestations\b)
    | Publishing\ \d+\ files?\b
    | ^Checking\ \S+:
    | Response\ from\ https?://
    | ^\d{3}\ [A-Z][A-Za-z ]+$
    | Skipping\ [\w.+-]+\.(?:whl|tar\.gz|zip)\b
    | ^File\ [\w.+-]+\ already\ exists
    | ^View\ at:
    | ^https?://\S+/project/\S+/\S+/?$
    | HTTPError:\ \d{3}
    | \bServer\ (?:says|returned\ status\ code)
    | ^(?:error|ERROR):?\s+Failed\ to\ publish
    | Token\ request\ failed
    | ^\*\ `(?:not-enabled|invalid-[a-z-]+)`
    """,
    re.VERBOSE,
)

# (what to look for, code, advice), the most telling first: the first entry that fits anywhere in a log wins.
_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        r"invalid-pending-publisher",
        "invalid-pending-publisher",
        (
            "register a pending publisher on the index under exactly this project name, with the repository, "
            "workflow file and environment of this run; then re-run the failed jobs"
        ),
    ),
    (
        r"invalid-publisher|no corresponding publisher",
        "invalid-publisher",
        (
            "compare the project's Trusted Publisher on the index with the claims in the log: repository, owner, "
            "the workflow's file name and the environment must be equal (a renamed repository or file counts); "
            "correct it and re-run the failed jobs"
        ),
    ),
    (
        r"invalid-reuse-token",
        "invalid-reuse-token",
        "the run's identity was used already; re-run the failed jobs to get a new one",
    ),
    (
        r"invalid-payload|invalid-token",
        "invalid-token",
        (
            "the index could not read the run's identity; re-run the failed jobs, and if it stays so check the "
            "index's and GitHub's status"
        ),
    ),
    (
        r"not-enabled\b",
        "not-enabled",
        "the index takes no Trusted Publishing at present; check its status page and re-run later",
    ),
    (
        r"OpenID Connect token retrieval failed|ACTIONS_ID_TOKEN_REQUEST_\w+ .{0,30}(?:unset|not set)",
        "no-identity",
        (
            "give the publishing job `permissions: id-token: write`, release again from the corrected commit; if "
            "the log names a server error of GitHub, re-run the failed jobs"
        ),
    ),
    (
        r"is not allowed to deploy to|didn't satisfy other protection rules",
        "environment-refused",
        "allow this tag in the environment's deployment policy on GitHub, then re-run the failed jobs",
    ),
    (
        r"previously used by a file that has since been deleted",
        "name-burnt",
        "this file name can never be used again; release the next version",
    ),
    (
        r"file already exists|filename has already been used",
        "file-exists",
        (
            "compare the digests on the index with the built ones: when they are equal nothing is missing; "
            "otherwise release the next version"
        ),
    ),
    (
        r"releases older than 14 days",
        "release-too-old",
        "the index takes no more files for this release; release the next version",
    ),
    (
        r"only one sdist may be uploaded",
        "second-sdist",
        "the release has an sdist already under another name; release the next version with one sdist only",
    ),
    (
        r"file too large|project size too large|Request Entity Too Large",
        "too-large",
        ("make the file smaller or ask the index's administrators for a higher limit, then release the next version"),
    ),
    (
        r"use of local versions",
        "local-version",
        "drop the part after '+' from the version",
    ),
    (
        r"can't have direct dependency",
        "direct-dependency",
        "depend on a released version instead of a URL",
    ),
    (
        r"is not a valid classifier|classifier .* has been deprecated",
        "invalid-classifier",
        "correct the classifiers in pyproject.toml",
    ),
    (
        r"description failed to render|invalid .*long_description",
        "description",
        "correct the README so that `twine check --strict` passes",
    ),
    (
        r"already has a .* attestation",
        "attestation-exists",
        "publish each file once per job, or set `attestations: false` for the second publish",
    ),
    (
        r"non-user identities cannot create new projects",
        "new-project",
        "the project is not on the index: register a pending publisher whose project name is exactly this one",
    ),
    (
        r"given token isn't allowed to upload",
        "not-allowed",
        (
            "the publisher belongs to another project, or the project is archived or quarantined; check its "
            "settings on the index"
        ),
    ),
    (
        r"invalid or non-existent authentication",
        "authentication",
        "let the publishing job use Trusted Publishing: no password or token, and `id-token: write`",
    ),
    (
        r"too many new projects|HTTPError: 429|status code:? 429",
        "too-many",
        "the index limits uploads; wait, then re-run the failed jobs",
    ),
    (
        r"HTTPError: 5\d\d|status code:? 5\d\d|unexpected\s+5\d\d response",
        "index-down",
        "the index answered with a server error; check its status page and re-run the failed jobs",
    ),
    (
        r"HTTPError: 4\d\d|status code:? 4\d\d",
        "refused",
        "read the index's own words in the log lines above",
    ),
)
_ANSWERS = tuple((re.compile(pattern, re.IGNORECASE), code, advice) for pattern, code, advice in _REFUSALS)


def clean_line(line: str) -> str:
    """One log line without GitHub's time stamp, colours and control characters."""
    return _CONTROL.sub("", _ANSI.sub("", _STAMP.sub("", line[:MAX_LINE_CHARACTERS]))).strip()


def upload_lines(text: str) -> tuple[str, ...]:
    """The lines of a log that tell what was uploaded and what the index answered, cleaned, in order, each once.

    Secrets in them are masked. An index's refusal is included whatever tool printed it.
    """
    kept: dict[str, None] = {}
    for raw in lines_of(mask_secrets(text).replace("\r", "\n")):
        line = clean_line(raw)
        if line and (_UPLOAD_LINE.search(line) or _names_refusal(line)):
            kept.setdefault(line)
    return tuple(kept)


def index_error(text: str) -> tuple[str, str] | None:
    """The code of the most telling known refusal in a publish log and the advice for it; None when none is found.

    Codes of Trusted Publishing are the index's own (`invalid-publisher`, ...), the others are named here.
    """
    cleaned = "\n".join(clean_line(line) for line in lines_of(text.replace("\r", "\n")) if not _DEBUG.search(line))
    for pattern, code, advice in _ANSWERS:
        if pattern.search(cleaned):
            return code, advice
    return None


def safe_member_name(name: str) -> str:
    """An archive member's name as a plain relative path: no drive, no `..`, no control or reordering characters.

    Step names come from workflow texts, so anybody may have written them. Never empty.
    """
    visible = "".join("_" if unicodedata.category(character)[0] == "C" else character for character in name)
    parts = [part.strip() for part in re.split(r"[/\\]+", visible)]
    kept = [re.sub(r"[:*?\"<>|]", "_", part)[:MAX_MEMBER_NAME_CHARACTERS] for part in parts if part.strip(". ")]
    return "/".join(kept) or "_"


def job_log(texts: Mapping[str, str], job_name: str) -> str | None:
    """The log of one job; names are compared by letters and digits, since GitHub drops signs from them in archives.

    None when no log or more than one fits, so that another job's words are never taken for this one's.
    """
    wanted = job_key(job_name)
    exact = [name for name in texts if job_key(name) == wanted]
    # GitHub cuts long names in archives at 90 characters (cli/cli, run view).
    fitting = exact or [name for name in texts if len(name) >= 80 and wanted.startswith(job_key(name))]
    return texts[fitting[0]] if len(fitting) == 1 else None


def job_key(name: str) -> str:
    """A job's name reduced to its letters and digits, which every spelling of it in an archive shares."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _names_refusal(line: str) -> bool:
    return not _DEBUG.search(line) and any(pattern.search(line) for pattern, _, _ in _ANSWERS)
