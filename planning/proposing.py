"""What `lockgate init` would write into somebody's repository: read from its working tree, nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from clients import git, git_remote, index, inside
from lockgate.documents import DocumentError, read_toml
from lockgate.errors import LockgateError, Problem, RefusedError, SettingsError, TransientError
from lockgate.github import server_url
from lockgate.onboarding import Variant, manual_steps, propose_settings, publish_workflow
from lockgate.settings import Settings, resolve_settings
from lockgate.versions import tag_for
from lockgate.workflows import PublishWorkflow, check_workflow, find_publish_workflow
from planning.release import slug_for, token_for

PYPROJECT = "pyproject.toml"
FOLDER = ".github/workflows"
FILES = ("publish.yml", "publish-release.yml", "lockgate-publish.yml")
"""Names for the proposed workflow; the first one that no file has, so that none is ever written over."""

EXAMPLE = Version("1.0.0")


@dataclass(frozen=True, slots=True)
class Change:
    """One file that would be written; `before` is None for a new one."""

    path: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be written, what was found on the way, and what only a person can set."""

    folder: Path
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    manual: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the project lives: owner and name, release branch and tags, and what could not be found out."""

    slug: str
    branch: str
    tags: tuple[str, ...]
    notes: tuple[str, ...]


def propose(folder: Path, variant: Variant, test_command: Sequence[str], environ: Mapping[str, str]) -> Proposal:
    """The settings and the publish workflow that this checkout lacks; a workflow that fits is kept and none is written over.

    Refuses a folder that is no checkout with a remote, and a path to be read or written that leads through a link. Raises
    SettingsError for a pyproject.toml that cannot be read or settings in it that are wrong, so that what is written is never
    added to something broken.
    """
    if not folder.is_dir() or git.is_repository(folder) != "checkout":
        raise SettingsError(
            Problem(
                f"{str(folder)!r} is no git checkout", "the project's folder", "clone the project, and start in there"
            )
        )
    place = _look_at_place(folder, environ)
    text = _read_pyproject(folder)
    settings = _resolve(folder, text, place)
    workflow, added, notes = _workflow(folder, settings, place, variant)
    if workflow is not None:
        settings = replace(settings, environment=workflow.environment)
    more: dict[str, str | Sequence[str]] = {"workflow": added.path.rpartition("/")[2]} if added and notes else {}
    if test_command:
        more["test-command"] = tuple(test_command)
    proposed = propose_settings(text, settings, more=more)
    changes = [Change(PYPROJECT, text, proposed)] if proposed != text else []
    changes += [added] if added else []
    _check(folder, proposed, added, place)
    file = workflow.file if workflow else (added.path.rpartition("/")[2] if added else "")
    manual, unknown = _manual(settings, place.slug, file, environ)
    return Proposal(folder, tuple(changes), (*place.notes, *notes, *unknown), tuple(manual))


def _look_at_place(folder: Path, environ: Mapping[str, str]) -> _Place:
    """Origin's default branch and tags; the checkout's own when origin does not tell."""
    url = git.remote_url(folder)
    try:
        origin = git_remote.observe_origin(url, token_for(url, environ))
    except LockgateError as error:
        here = git.observe_checkout(folder)
        note = f"Branch and tags are this checkout's own: {error.problems[0].seen}."
        return _Place(slug_for(url), here.branch or "", tuple(here.tags), (note,))
    return _Place(slug_for(url), origin.default_branch or "", tuple(origin.tags), ())


def _read_pyproject(folder: Path) -> str:
    text = _read(folder, PYPROJECT)
    if text is None:
        raise SettingsError(
            Problem(
                f"{folder} has no {PYPROJECT}, or one that is no text", "one in the repository's root",
                "add a pyproject.toml with [project] and [build-system]",
            )
        )  # fmt: skip
    return text


def _read(folder: Path, name: str) -> str | None:
    """A file's text with its line ends as they are; None when there is none, or no UTF-8 text in it. Refuses links."""
    data = inside.read_file(folder, name)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def _resolve(folder: Path, pyproject: str, place: _Place) -> Settings:
    try:
        document = read_toml(pyproject)
    except DocumentError as error:
        raise SettingsError(Problem(f"{PYPROJECT}: {error}", "valid TOML", "correct the file")) from error

    def read(path: str) -> str | None:
        return pyproject if path == PYPROJECT else _read(folder, path)

    return resolve_settings(document, default_branch=place.branch, tags=place.tags, read=read)


def _workflow(
    folder: Path, settings: Settings, place: _Place, variant: Variant
) -> tuple[PublishWorkflow | None, Change | None, tuple[str, ...]]:
    """The workflow that publishes already, or the one to add, with what keeps the present ones from publishing."""
    files, passed_over = workflow_texts(folder)
    tag = tag_for(EXAMPLE, settings.tag_format)
    notes = tuple(f"Passed over: {problem.seen}." for problem in passed_over.values())
    if files:
        try:
            found = find_publish_workflow(
                files, wanted=settings.workflow, tag=tag, repository=place.slug, inputs=settings.dispatch_inputs
            )
        except RefusedError as error:
            notes += tuple(f"No workflow here publishes {tag}: {problem.seen}." for problem in error.problems)
        else:
            return found, None, (*notes, f"{found.path} publishes already and is left as it is.")
    free = next((name for name in FILES if f"{FOLDER}/{name}" not in {*files, *passed_over}), None)
    if free is None:
        raise SettingsError(
            Problem(
                f"{', '.join(FILES)} are all there in {FOLDER}, and none of them publishes {tag}",
                "a free name for the publish workflow", "remove or rename one of them",
            )
        )  # fmt: skip
    text = publish_workflow(variant, tag_format=settings.tag_format, environment=settings.environment)
    return None, Change(f"{FOLDER}/{free}", None, text), notes


def workflow_texts(folder: Path) -> tuple[dict[str, str], dict[str, Problem]]:
    """The workflows of a working tree, by their paths in it, and those that are links or too large, with why they are not read.

    Refuses a folder of workflows that is a link, or lies below one: what is proposed would be written through it.
    """
    found: dict[str, str] = {}
    passed_over: dict[str, Problem] = {}
    for path in (f"{FOLDER}/{name}" for name in inside.list_folder(folder, FOLDER) if name.endswith((".yml", ".yaml"))):
        try:
            found[path] = (inside.read_file(folder, path) or b"").decode(errors="replace")
        except RefusedError as error:
            passed_over[path] = error.problems[0]
    return found, passed_over


def _check(folder: Path, pyproject: str, added: Change | None, place: _Place) -> None:
    """Refuse to propose what the later steps would refuse: the settings are read back, the workflow is judged."""
    settings = _resolve(folder, pyproject, place)
    if added is None:
        return
    files, tag = workflow_texts(folder)[0] | {added.path: added.after}, tag_for(EXAMPLE, settings.tag_format)
    found = find_publish_workflow(files, wanted=settings.workflow, tag=tag, repository=place.slug)
    problems, _ = check_workflow(files, found, tag=tag, repository=place.slug, environment=settings.environment)
    if problems:
        raise RefusedError(*problems)


def _manual(
    settings: Settings, slug: str, workflow_file: str, environ: Mapping[str, str]
) -> tuple[list[str], tuple[str, ...]]:
    """What only a person can set, and what could not be found out for it."""
    where = index.index_url(settings.index, environ)
    notes: tuple[str, ...] = ()
    try:
        is_new = index.observe_project(where, settings.project) is None
    except TransientError as error:
        is_new, notes = False, (f"Whether the index knows {settings.project} is not known: {error.problems[0].seen}.",)
    steps = manual_steps(
        settings,
        repository=slug,
        workflow_file=workflow_file,
        server_url=server_url(environ),
        index_url=where,
        is_new=is_new,
    )
    return steps, notes
