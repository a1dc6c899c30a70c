"""Where a release lives and what it is: found once at the start, the same for every step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.version import Version

from clients import git, git_remote, github, index, keys
from clients.keys import Keys
from clients.store import Store
from lockgate.continuation import OUTSIDE, Course, ThisRun
from lockgate.documents import DocumentError, read_toml
from lockgate.errors import Problem, SettingsError
from lockgate.github import GitHub, api_url, is_on_server, server_url, slug_of
from lockgate.origins import check_origin, folder_name
from lockgate.outcome import StepOutcome
from lockgate.placeholders import fill
from lockgate.repository import Origin
from lockgate.request import Request
from lockgate.secrets import Token
from lockgate.settings import Settings, resolve_settings


class Release:
    """One release: who asked, where its parts are, which version it is.

    `course` is what the plan found to become of an earlier start's work; step 1 acts on it and sets it back.

    A plain class on purpose: Prefect draws the graph from the identity of what tasks exchange, and looks into dataclasses.
    It holds no secret: a token is fetched at the moment of its use.
    """

    __slots__ = (
        "course", "environ", "given", "origin_url", "outcomes", "request", "run", "settings", "slug", "tag", "version",
    )  # fmt: skip

    def __init__(
        self, request: Request, environ: Mapping[str, str], *, origin_url: str, given: Path | None, slug: str,
        settings: Settings, version: Version, tag: str, run: ThisRun = OUTSIDE,
    ) -> None:  # fmt: skip
        self.request = request
        self.environ = environ
        self.origin_url = origin_url
        self.given = given
        self.slug = slug
        self.settings = settings
        self.version = version
        self.tag = tag
        self.run = run
        self.course = Course()
        self.outcomes: dict[str, StepOutcome] = {}

    @property
    def workspace(self) -> Path:
        """The checkout that this release works in: Lockgate's own, never a person's."""
        return workspace_of(self.environ, self.slug)

    @property
    def store(self) -> Store:
        """Where the artifacts' bytes and the live record are kept."""
        return store_of(self.environ)

    @property
    def token(self) -> Token | None:
        """The GitHub token, as the environment has it now."""
        return github.github_token(self.environ)

    @property
    def origin_token(self) -> Token | None:
        """The token for origin, or None when origin is not GitHub: no other host gets to see it."""
        return token_for(self.origin_url, self.environ)

    @property
    def hub(self) -> GitHub:
        """The repository on GitHub, as the API's clients want it."""
        return GitHub(api_url(self.environ), self.slug, self.token)

    @property
    def fixture_path(self) -> str:
        """The fixture's path in the repository."""
        return fill(self.settings.fixture, version=self.version)

    @property
    def index_url(self) -> str:
        """The index's simple API."""
        return index.index_url(self.settings.index, self.environ)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that a link may lead to: GitHub's pages and the index's."""
        return urlsplit(server_url(self.environ)).netloc.lower(), urlsplit(self.index_url).netloc.lower()

    @property
    def label(self) -> str:
        """Project and version, as people call the release."""
        return f"{self.settings.project} {self.version}"


def home_of(environ: Mapping[str, str]) -> Path:
    """The folder for workspaces, store and Prefect's data: LOCKGATE_HOME, or `.lockgate` in the user's home."""
    return Path(environ.get("LOCKGATE_HOME") or Path.home() / ".lockgate").expanduser().absolute()


def workspace_of(environ: Mapping[str, str], slug: str) -> Path:
    """The folder of this repository's workspace."""
    return home_of(environ) / "workspaces" / folder_name(slug)


def store_of(environ: Mapping[str, str]) -> Store:
    """The store: LOCKGATE_STORE (a folder, or a URL that fsspec knows), or a folder in Lockgate's home."""
    return Store(environ.get("LOCKGATE_STORE") or str(home_of(environ) / "store"), keys_of(environ).seals)


def key_file_of(environ: Mapping[str, str]) -> Path:
    """The installation's key file: LOCKGATE_KEY_FILE, or `installation.key` in Lockgate's home."""
    named = environ.get("LOCKGATE_KEY_FILE")
    return Path(named).expanduser().absolute() if named else home_of(environ) / "installation.key"


def keys_of(environ: Mapping[str, str]) -> Keys:
    """The installation's keys; made on first use, but not where LOCKGATE_KEY_FILE names the file.

    Raises SettingsError for a key file that is not there, that others may use, or that holds no keys.
    """
    path = key_file_of(environ)
    if not environ.get("LOCKGATE_KEY_FILE") and not path.exists():
        keys.make_key(path)
    return keys.read_keys(path)


def token_for(url: str, environ: Mapping[str, str]) -> Token | None:
    """The GitHub token if this git URL is on the GitHub server (GITHUB_SERVER_URL), else None."""
    return github.github_token(environ) if is_on_server(url, server_url(environ)) else None


def locate(repository: str) -> tuple[str, Path | None]:
    """Origin's URL, and the person's checkout when the repository was given as one.

    Raises SettingsError for a folder that is no repository, a checkout without a remote named origin, and a name that is
    neither a folder nor a URL.
    """
    if not repository:
        raise SettingsError(
            Problem("repository is empty", "a URL, or a folder on the machine of the worker", "say which repository")
        )
    folder = Path(repository).expanduser()
    if folder.is_dir():
        kind = git.is_repository(folder)
        if kind == "bare":
            return str(folder.absolute()), None
        if kind == "checkout":
            return git.remote_url(folder), folder.absolute()
    elif "://" in repository or (":" in repository and "@" in repository):
        return repository, None
    raise SettingsError(
        Problem(
            f"{repository!r} is {'a folder that is no git repository' if folder.exists() else 'not there'}",
            "a git checkout, a bare git repository, or a URL that git understands",
            "give --repository the project's folder or its URL",
        )
    )


def observe_origin(release: Release) -> Origin:
    """Origin's branches and tags as they are now."""
    return git_remote.observe_origin(release.origin_url, release.origin_token)


def choose_branch(request: Request, origin: Origin, configured: str) -> str:
    """The release branch: the request's, the settings', or the one that origin's HEAD names; SettingsError if it is not there."""
    branch = request.branch or configured or origin.default_branch or ""
    if branch in origin.heads:
        return branch
    if not origin.heads:
        seen, then = "origin has no commit", "push the project to origin first"
    elif not branch:
        seen, then = "origin's HEAD names no branch", "name the branch with --branch"
    else:
        seen, then = f"origin has no branch {branch!r}", f"name one of: {', '.join(sorted(origin.heads)[:10])}"
    raise SettingsError(Problem(seen, "the release branch on origin", then))


def slug_on_server(origin_url: str, environ: Mapping[str, str]) -> str:
    """OWNER/NAME of a git URL; SettingsError for one that has none, and for a repository that is not on the GitHub server."""
    if problems := check_origin(origin_url, environ):
        raise SettingsError(*problems)
    return slug_for(origin_url)


def slug_for(origin_url: str) -> str:
    """OWNER/NAME of a git URL, wherever that is; SettingsError for one that has none."""
    slug = slug_of(origin_url)
    if slug is None:
        raise SettingsError(
            Problem(
                f"origin is {origin_url!r}", "a GitHub repository's address, ending in OWNER/NAME",
                "set the checkout's remote `origin` to the GitHub repository",
            )
        )  # fmt: skip
    return slug


def read_pyproject(folder: Path, commit: str) -> dict[str, Any]:
    """The pyproject.toml of a commit; SettingsError when there is none or it is no TOML, RefusedError for a link."""
    text = git.read_text(folder, commit, "pyproject.toml")
    if text is None:
        problem = Problem(
            f"commit {commit[:12]} has no pyproject.toml", "one in the repository's root",
            "add a pyproject.toml with [project] and [build-system] and push it",
        )  # fmt: skip
        raise SettingsError(problem)
    try:
        return read_toml(text)
    except DocumentError as error:
        problem = Problem(f"pyproject.toml of {commit[:12]}: {error}", "valid TOML", "correct the file and push it")
        raise SettingsError(problem) from error


def read_settings(folder: Path, commit: str, pyproject: dict[str, Any], branch: str, origin: Origin) -> Settings:
    """The project's settings at a commit."""

    def read(path: str) -> str | None:
        return git.read_text(folder, commit, path)

    return resolve_settings(pyproject, default_branch=branch, tags=origin.tags, read=read)
