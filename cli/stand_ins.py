"""`--sandbox DIR`: the stand-ins around somebody's repository, and an environment that points to them."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from clients import git, git_remote
from clients.locks import hold
from clients.own_files import check_home
from lockgate.documents import DocumentError, read_toml
from lockgate.errors import LockgateError, Problem, SettingsError
from lockgate.github import slug_of
from lockgate.placeholders import fill
from lockgate.project_urls import repository_named
from lockgate.settings import Settings, resolve_settings
from lockgate.versions import released_versions
from lockgate.workflows import find_publish_workflow
from sandbox.world import BANNER, Sandbox

SETTINGS_FILE = "sandbox.json"
REAL = ("LOCKGATE_STORE", "LOCKGATE_POLICY", "LOCKGATE_KEY_FILE", "LOCKGATE_TOKEN_BLOCK")
"""What would lead out of a sandbox, if it were set."""


@contextlib.contextmanager
def open_sandbox(folder: Path, repository: str, slug: str) -> Iterator[Sandbox]:
    """The started sandbox of a folder, made around the repository when it is new; the repository is only read.

    Without a name a new one is of the current folder, and one that is there is taken as it is.
    Raises SettingsError when there is neither a sandbox nor a repository to make it from, when the folder's sandbox is of
    another one, when another process has it open, and when other accounts may enter it.
    """
    source = Path(repository or ".").expanduser()
    if not (folder / SETTINGS_FILE).exists():
        _check_source(source, repository or ".")
    check_home(folder.absolute())
    with hold(folder / "sandbox") as free:
        if not free:
            seen = f"another process has the sandbox in {folder} open"
            raise SettingsError(Problem(seen, "one at a time", "end that one (`lockgate up`?), or give another folder"))
        with _open(folder, source, slug, named=bool(repository)) as sandbox:
            yield sandbox


def _check_source(source: Path, given: str) -> None:
    """Refuse what no sandbox can be made of, before there is a folder for it."""
    if not source.is_dir() or git.is_repository(source) is None:
        problem = Problem(
            f"{given!r} is no git repository on this machine",
            "a checkout or a bare repository to put into the sandbox",
            "give --repository the project's folder",
        )
    elif git.resolve(source, "HEAD") is None:
        problem = Problem(f"{given} has no commit yet", "at least one commit", "commit the project first")
    else:
        return
    raise SettingsError(problem)


def _open(folder: Path, source: Path, slug: str, *, named: bool) -> Sandbox:
    if (folder / SETTINGS_FILE).exists():
        sandbox = Sandbox.open(folder)
        _check_same(sandbox, source if named else sandbox.folder, slug)
        return sandbox.start()
    try:
        sandbox = Sandbox.create(folder, source, slug or _slug(source))
    except ValueError as error:
        seen, _, advice = str(error).partition("; ")
        expected = "a repository on its release branch, and a folder of its own for the sandbox"
        raise SettingsError(Problem(seen, expected, advice or "correct --repository, --sandbox or --as")) from error
    sandbox.start()
    _register_publisher(sandbox, source)
    return sandbox


def _check_same(sandbox: Sandbox, source: Path, slug: str) -> None:
    """Refuse another repository or name than the sandbox was made of; a folder that is no repository names none."""
    asked = source.resolve() if git.is_repository(source) else None
    if sandbox.source and asked not in {None, Path(sandbox.source).resolve()}:
        seen = f"the sandbox in {sandbox.folder} was made of {sandbox.source}, not of {asked}"
    elif slug not in {"", sandbox.slug}:
        seen = f"the sandbox in {sandbox.folder} is {sandbox.slug}, not {slug}"
    else:
        return
    raise SettingsError(Problem(seen, "the same repository and name", "give --sandbox another folder"))


def use(sandbox: Sandbox) -> str:
    """Point this process's environment to the sandbox and keep everything it writes in there; gives origin's URL.

    The real store and the real token's block are forgotten. A Prefect server that PREFECT_API_URL names stays in use.
    """
    for name in REAL:
        os.environ.pop(name, None)
    os.environ.update(sandbox.environment)
    os.environ["LOCKGATE_HOME"] = str(sandbox.folder)
    if "PREFECT_API_URL" not in os.environ:
        os.environ["PREFECT_HOME"] = str(sandbox.folder / "prefect")
    return sandbox.origin_url


def print_banner(console: Console) -> None:
    """Say loudly that nothing here is real."""
    console.print(BANNER, style="bold yellow", soft_wrap=True)


def announce(console: Console, sandbox: Sandbox, *, as_json: bool) -> None:
    """Where the stand-ins are, and what a shell has to set to use them; as JSON one line on standard output."""
    settings = {**sandbox.environment, "LOCKGATE_HOME": str(sandbox.folder.absolute())}
    away = [name for name in REAL if name in os.environ]
    print_banner(console)
    if as_json:
        addresses = {"origin": sandbox.origin_url, "index": sandbox.index_url}
        print(json.dumps({**addresses, "environment": settings, "unset": away}), flush=True)
        return
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    lines += [f"unset {name}" for name in away]
    console.print(f"origin {sandbox.origin_url}\nindex  {sandbox.index_url}\n\nIn another terminal:\n", soft_wrap=True)
    # As text of its own it is not masked: the stand-in's token is meant to be copied.
    console.print(Text("\n".join(lines)), soft_wrap=True)
    command = f"lockgate plan --repository {sandbox.origin_url}"
    console.print(f"\nThen, for example: {command}\nCtrl-C ends the stand-ins.", soft_wrap=True)


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
    released = released_versions(_tags(source), settings.tag_format)
    tag = released[max(released)] if released else fill(settings.tag_format, version="1.0.0")
    try:
        found = find_publish_workflow(
            files, wanted=settings.workflow, tag=tag, repository=sandbox.slug, inputs=settings.dispatch_inputs
        )
    except LockgateError:
        return
    owner, _, name = sandbox.slug.partition("/")
    sandbox.register_publisher(
        settings.project, owner=owner, repository=name, workflow=found.file, environment=found.environment
    )


def _settings(source: Path) -> Settings | None:
    head = git.resolve(source, "HEAD") or ""

    def read(path: str) -> str | None:
        return git.read_text(source, head, path)

    try:
        return resolve_settings(_pyproject(source), default_branch="main", tags=_tags(source), read=read)
    except LockgateError:
        return None


def _tags(source: Path) -> Mapping[str, str]:
    return git_remote.observe_origin(str(source.absolute()), None).tags


def _pyproject(source: Path) -> dict[str, Any]:
    try:
        return read_toml(_text(source, "pyproject.toml"))
    except (DocumentError, LockgateError):
        return {}


def _text(source: Path, name: str) -> str:
    """A text of the repository's newest commit; "" when it is not there. Refuses what is no text of its own."""
    head = git.resolve(source, "HEAD")
    return (git.read_text(source, head, name) if head else None) or ""
