"""`--sandbox DIR`: the stand-ins around somebody's repository, and an environment that points to them."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from clients import git
from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.github import slug_of
from lockgate.project_urls import repository_named
from lockgate.settings import Settings, resolve_settings
from lockgate.workflows import find_publish_workflow
from sandbox.world import Sandbox

SETTINGS_FILE = "sandbox.json"


def open_sandbox(folder: Path, repository: str, slug: str) -> Sandbox:
    """The started sandbox of a folder, made around the repository when it is new; the repository is only read.

    Raises SettingsError when there is neither a sandbox nor a repository to make it from.
    """
    if (folder / SETTINGS_FILE).exists():
        return Sandbox.open(folder).start()
    source = Path(repository).expanduser()
    if not source.is_dir() or git.is_repository(source) is None:
        raise SettingsError(
            Problem(
                f"{repository!r} is no git repository on this machine",
                "a checkout or a bare repository to put into the sandbox",
                "give --repository the project's folder",
            )
        )
    git.open_checkout(source)
    try:
        sandbox = Sandbox.create(folder, source, slug or _slug(source))
    except ValueError as error:
        raise SettingsError(Problem(str(error), "a new folder and OWNER/NAME", "correct --sandbox or --as")) from error
    sandbox.start()
    _register_publisher(sandbox, source)
    return sandbox


def use(sandbox: Sandbox) -> str:
    """Point this process's environment to the sandbox and keep everything it writes in there; gives origin's URL."""
    os.environ.update(sandbox.environment)
    os.environ["LOCKGATE_HOME"] = str(sandbox.folder)
    os.environ.setdefault("PREFECT_HOME", str(sandbox.folder / "prefect"))
    return sandbox.origin_url


def _slug(source: Path) -> str:
    """OWNER/NAME from the project's URLs, or from its remote, or made from its name."""
    pyproject = _pyproject(source)
    named = repository_named(pyproject, _text(source, "setup.cfg"))
    if named:
        return named
    try:
        found = slug_of(git.remote_url(source))
    except LockgateError:
        found = None
    return found or f"sandbox/{pyproject.get('project', {}).get('name') or source.resolve().name}"


def _register_publisher(sandbox: Sandbox, source: Path) -> None:
    """Register the publisher that matches the repository's publish workflow; none where no workflow publishes."""
    settings = _settings(source)
    if settings is None:
        return
    head = git.resolve(source, "HEAD") or ""
    names = [name for name in git.list_files(source, head) if name.startswith(".github/workflows/")]
    files = {name: (git.read_file(source, head, name) or b"").decode(errors="replace") for name in names}
    tag = settings.tag_format.format(version="1.0.0")
    try:
        found = find_publish_workflow(files, wanted=settings.workflow, tag=tag, repository=sandbox.slug)
    except LockgateError:
        return
    owner, _, name = sandbox.slug.partition("/")
    sandbox.register_publisher(
        settings.project, owner=owner, repository=name, workflow=found.file, environment=found.environment
    )


def _settings(source: Path) -> Settings | None:
    head = git.resolve(source, "HEAD") or ""

    def read(path: str) -> str | None:
        data = git.read_file(source, head, path)
        return None if data is None else data.decode()

    tags = git.observe_checkout(source).tags if git.is_repository(source) == "checkout" else {}
    try:
        return resolve_settings(_pyproject(source), default_branch="main", tags=tags, read=read)
    except LockgateError:
        return None


def _pyproject(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(source, "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _text(source: Path, name: str) -> str:
    """A file of the repository's newest commit; "" when it is not there."""
    head = git.resolve(source, "HEAD")
    data = git.read_file(source, head, name) if head else None
    return (data or b"").decode(errors="replace")
