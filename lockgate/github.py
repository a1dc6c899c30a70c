"""What is seen of a repository on GitHub: values, named as GitHub's REST API names them, and where the API is.

Field names are those of docs.github.com/en/rest, so that an answer can be read into them as it stands; what the
documentation calls optional has a default here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from lockgate.errors import Problem, SettingsError, refused
from lockgate.secrets import Token

API_URL = "https://api.github.com"
SERVER_URL = "https://github.com"
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?/[A-Za-z0-9._-]+")
_TOKEN = re.compile(r"[!-~]+")
_SCP_FORM = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class GitHub:
    """A repository's place in a GitHub API: the API's address, "owner/name", and the token to ask with."""

    api_url: str
    slug: str
    token: Token | None = None

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug) or self.slug.endswith(("/.", "/..")):
            raise refused(
                f"{self.slug!r} is no repository name",
                "owner/name, as in the repository's address",
                "correct the remote's address or the setting",
            )
        if self.token and not _TOKEN.fullmatch(self.token.reveal()):
            raise refused(
                "The GitHub token holds a blank, a line break or a character beyond ASCII",
                "the token's plain characters and nothing else",
                "copy it again; something was probably copied along with it",
            )


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the token's owner may do in a repository: necessary for the token, not sufficient."""

    admin: bool = False
    maintain: bool = False
    push: bool = False
    triage: bool = False
    pull: bool = False


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; `permissions` is None when GitHub says nothing of them (no token)."""

    full_name: str
    default_branch: str
    html_url: str
    private: bool = False
    archived: bool = False
    disabled: bool = False
    permissions: Permissions | None = None

    @property
    def can_push(self) -> bool | None:
        """Whether the token's owner may push; None when unknown."""
        return None if self.permissions is None else self.permissions.push


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """A workflow file as GitHub registered it; `state` is "active", "deleted" or a disabled one."""

    id: int
    name: str
    path: str
    state: str
    html_url: str = ""


@dataclass(frozen=True, slots=True)
class RefPolicy:
    """One pattern of the refs that may deploy to an environment."""

    name: str
    type: str = "branch"


@dataclass(frozen=True, slots=True)
class Environment:
    """A deployment environment and what guards it.

    `refs` says which refs may deploy: "any", "protected branches", or the patterns. `reviewers` are logins and team
    names, one of whom must approve; `wait_minutes` is the wait timer.
    """

    name: str
    html_url: str
    refs: Literal["any", "protected branches"] | tuple[RefPolicy, ...] = "any"
    reviewers: tuple[str, ...] = ()
    prevent_self_review: bool = False
    wait_minutes: int = 0


@dataclass(frozen=True, slots=True)
class RefRule:
    """One rule of a ruleset: its type and, for the pattern rules, operator and pattern."""

    type: str
    operator: str = ""
    pattern: str = ""
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A ruleset for tags; `include` and `exclude` are the patterns of the refs that it covers.

    `rules` is None when the token sees that there is such a ruleset and may not read it.
    """

    id: int
    name: str
    enforcement: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: tuple[RefRule, ...] | None = ()
    current_user_can_bypass: str = ""
    html_url: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """The API's request limit for this token; `reset` is an epoch time in seconds."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release; `digest` is "sha256:HEX" or None, `state` is "uploaded" once it is complete."""

    id: int
    name: str
    state: str
    size: int
    digest: str | None = None
    browser_download_url: str = ""


@dataclass(frozen=True, slots=True)
class GithubRelease:
    """A release on GitHub, draft or published; `html_url` of a draft changes when it is published."""

    id: int
    tag_name: str
    target_commitish: str
    draft: bool
    prerelease: bool
    html_url: str
    upload_url: str
    name: str | None = None
    body: str | None = None
    immutable: bool = False
    published_at: str | None = None
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """Release notes as GitHub generates them."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow run; terminal only when `status` is "completed". For a tag `head_branch` is the tag's name."""

    id: int
    name: str | None
    path: str
    event: str
    status: str | None
    conclusion: str | None
    head_branch: str | None
    head_sha: str
    html_url: str
    run_number: int
    run_attempt: int = 1
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class JobStep:
    """One step of a job."""

    name: str
    number: int
    status: str
    conclusion: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a run's attempt."""

    id: int
    name: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    steps: tuple[JobStep, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingDeployment:
    """An environment that a run waits for: who may approve it, and whether the token's owner may."""

    environment: str
    environment_id: int
    reviewers: tuple[str, ...] = ()
    current_user_can_approve: bool = False
    wait_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything step 7 looks at on GitHub; `refusals` names what the token was not allowed to see, and why.

    `rulesets`, `immutable` and `retention_days` are None when they cannot be seen, which is not "none" or "no".
    """

    repository: Repository | None = None
    workflow: WorkflowState | None = None
    environment: Environment | None = None
    rulesets: tuple[Ruleset, ...] | None = None
    immutable: bool | None = None
    rate: Rate | None = None
    retention_days: int | None = None
    notes: Notes | None = None
    refusals: tuple[tuple[str, Problem], ...] = ()

    def was_refused(self, name: str) -> bool:
        """Whether GitHub refused to show this field."""
        return any(refused_name == name for refused_name, _ in self.refusals)


def api_url(environ: Mapping[str, str]) -> str:
    """The API's address: GITHUB_API_URL, as GitHub's own runners set it, or the public one.

    Raises SettingsError for an address that would send the token unencrypted over a network.
    """
    return _base_url(environ, "GITHUB_API_URL", API_URL)


def server_url(environ: Mapping[str, str]) -> str:
    """The address of GitHub's pages: GITHUB_SERVER_URL or the public one; raises SettingsError like `api_url`."""
    return _base_url(environ, "GITHUB_SERVER_URL", SERVER_URL)


def slug_of(remote_url: str) -> str | None:
    """The "owner/name" in a remote's address (https, ssh and scp forms); None for anything else."""
    scp = _SCP_FORM.fullmatch(remote_url)
    if not scp and "://" not in remote_url:
        return None
    path = scp["path"] if scp else urlsplit(remote_url).path
    slug = "/".join(path.rstrip("/").removesuffix(".git").lstrip("/").split("/")[-2:])
    return slug if _SLUG.fullmatch(slug) else None


def host_of(address: str) -> str:
    """The host of a git address, in lower case, with its port; "" for a path of this machine, also with file://."""
    if "://" in address:
        return urlsplit(address).netloc.rpartition("@")[2].lower()
    found = _SCP_FORM.fullmatch(address)
    return found["host"].lower() if found else ""


def is_on_server(remote_url: str, server: str) -> bool:
    """Whether an http(s) remote is on this GitHub server, so that the token is meant for it.

    The origin (scheme, host, port) must be the same. False for ssh remotes, which need no token.
    """
    one, other = urlsplit(remote_url), urlsplit(server)
    same = (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    return same and one.scheme in {"https", "http"}


def workflow_file(path: str) -> str:
    """The file name by which the API knows a workflow: the last part of its path."""
    return path.rpartition("/")[2]


def _base_url(environ: Mapping[str, str], name: str, default: str) -> str:
    text = environ.get(name) or default
    parts = urlsplit(text)
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not encrypted or not parts.hostname or parts.query or parts.username:
        expected = "an https:// address without user name and query (http:// only for this machine itself)"
        raise SettingsError(
            Problem(f"{name} is not usable", expected, f"correct {name} in the environment or unset it")
        )
    return text.rstrip("/")
