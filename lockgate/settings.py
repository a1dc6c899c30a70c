"""The settings of a released project: what [tool.lockgate] says, what is found in the repository, what is the default.

Every key is optional. Each value knows where it came from.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from lockgate import setting_values as kind
from lockgate.errors import Problem, RefusedError, SettingsError
from lockgate.time_limits import check_times
from lockgate.timeline import duration
from lockgate.version_sources import Read, VersionSource, find_version_source
from lockgate.versions import detect_tag_format, released_versions

TABLE = "[tool.lockgate]"
CHANGELOGS = ("CHANGELOG.md", "CHANGELOG.rst", "CHANGES.md", "CHANGES.rst", "HISTORY.md", "NEWS.md", "NEWS.rst")
CHECKPOINTS = {"migrations": "when-needed", "tests": "when-needed", "publisher": "always", "publish": "never"}
"""When each checkpoint asks, unless the settings say otherwise; in the order in which they come."""

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 60 * MINUTE_SECONDS
DAY_SECONDS = 24 * HOUR_SECONDS


@dataclass(frozen=True, slots=True)
class Settings:
    """All that Lockgate knows of a project before it looks outside.

    Keys in the table are the names here, with - for _. Every timeout is in seconds, `file_size_limit` in MiB. Empty means:
    `test_command` and `migrations_check` that there is none, `test_checks` that no checks of GitHub count, `workflow` that
    it is detected, `index` the default index, `approvers` that anyone may approve, `release_notes` (else the path of a
    changelog) that GitHub generates them, `freeze` that scheduled releases start on every day. `origins` says where each
    value came from.
    """

    project: str
    branch: str
    tag_format: str
    version_source: VersionSource
    fixture: str = "releases/{version}.json"
    release_files: tuple[str, ...] = ()
    pre_release: tuple[tuple[str, ...], ...] = ()
    pre_release_timeout: float = 600.0
    migrations: tuple[str, ...] = ("**/migrations/*.py",)
    migrations_check: tuple[str, ...] = ()
    migrations_chain: int = 20
    test_command: tuple[str, ...] = ()
    test_checks: tuple[str, ...] = ()
    test_timeout: float = HOUR_SECONDS
    isolation: Literal["auto", "required", "none"] = "auto"
    network: bool = True
    test_environment: tuple[str, ...] = ()
    build_environment: tuple[str, ...] = ()
    workflow: str = ""
    dispatch_inputs: dict[str, str] = field(default_factory=dict)
    environment: str = "pypi"
    publisher: str = ""
    index: str = ""
    approvers: tuple[str, ...] = ()
    self_approval: bool = True
    signed_approvals: bool = False
    allowed_signers: str = ""
    approvals_before_publish: int = 1
    checkpoints: dict[str, str] = field(default_factory=lambda: dict(CHECKPOINTS))
    checkpoint_timeout: float = 3 * DAY_SECONDS
    run_timeout: float = 120.0
    publish_timeout: float = HOUR_SECONDS
    visibility_timeout: float = 0.75 * HOUR_SECONDS
    rebuilt: Literal["refuse", "report", "auto"] = "auto"
    attestations: Literal["report", "require"] = "report"
    sign_tags: bool = False
    sbom: bool = False
    release_notes: str = ""
    import_name: str = ""
    import_packages: tuple[str, ...] = ()
    file_size_limit: int = 100
    freeze: tuple[str, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)


READERS: dict[str, kind.Reader] = {
    "project": kind.name,
    "branch": kind.word,
    "tag_format": kind.tag_format,
    "version_source": kind.word,
    "fixture": kind.fixture,
    "release_files": kind.paths,
    "pre_release": kind.commands,
    "pre_release_timeout": kind.seconds,
    "migrations": kind.paths,
    "migrations_check": kind.command,
    "migrations_chain": kind.count,
    "test_command": kind.command,
    "test_checks": kind.texts,
    "test_timeout": kind.seconds,
    "isolation": kind.one_of("auto", "required", "none"),
    "network": kind.yes_or_no,
    "test_environment": kind.variables,
    "build_environment": kind.variables,
    "workflow": kind.workflow,
    "dispatch_inputs": kind.inputs,
    "environment": kind.text,
    "publisher": kind.publisher,
    "index": kind.url,
    "approvers": kind.texts,
    "self_approval": kind.yes_or_no,
    "signed_approvals": kind.yes_or_no,
    "allowed_signers": kind.path,
    "approvals_before_publish": kind.count,
    "checkpoints": kind.checkpoints(tuple(CHECKPOINTS)),
    "checkpoint_timeout": kind.seconds,
    "run_timeout": kind.seconds,
    "publish_timeout": kind.seconds,
    "visibility_timeout": kind.seconds,
    "rebuilt": kind.one_of("refuse", "report", "auto"),
    "attestations": kind.one_of("report", "require"),
    "sign_tags": kind.yes_or_no,
    "sbom": kind.yes_or_no,
    "release_notes": kind.path,
    "import_name": kind.word,
    "import_packages": kind.texts,
    "file_size_limit": kind.count,
    "freeze": kind.freeze,
}
"""What reads each setting's value, in the order of the class."""

KEYS = {name.replace("_", "-"): name for name in READERS}
"""Every key of the table, with its name in the class."""


def resolve_settings(pyproject: Mapping[str, Any], *, default_branch: str, tags: Iterable[str], read: Read) -> Settings:
    """The project's settings; raises one SettingsError with every problem: keys, values, what is missing.

    `default_branch` is origin's HEAD, `tags` are origin's, `read` gives a repository file's text or None.
    """
    values, problems = _configured(pyproject)
    origins = {name: TABLE if name in values else "default" for name in READERS}
    for name, value, origin in _detected(pyproject, values, default_branch, tuple(tags), read):
        if isinstance(value, Problem):
            problems.append(value)
        elif name not in values:
            values[name], origins[name] = value, origin
    if values.get("test_command") and values.get("test_checks"):
        problems.append(_TWO_EVIDENCES)
    problems += _unsigned(values)
    try:
        source = find_version_source(pyproject, read)
    except (SettingsError, RefusedError) as err:
        kind_of = SettingsError if problems else type(err)
        raise kind_of(*problems, *err.problems) from err
    if problems:
        raise SettingsError(*problems)
    if "version_source" not in values:
        origins["version_source"] = source.why
    values["version_source"] = source
    values["checkpoints"] = CHECKPOINTS | values.get("checkpoints", {}) | _second_person(values)
    settings = Settings(**values, origins=origins)
    if too_long := check_times(settings):
        raise SettingsError(*too_long)
    return replace(settings, release_files=_release_files(settings))


_TWO_EVIDENCES = Problem(
    "test-command and test-checks are both set",
    "one of them: a command that Lockgate runs, or checks that GitHub has for the release commit",
    f"remove one of them under {TABLE} in pyproject.toml",
)


def stated_settings(pyproject: Mapping[str, Any]) -> Settings:
    """What a project states under [tool.lockgate], the defaults for the rest, and nothing that is found elsewhere.

    Raises SettingsError for what cannot be read.
    """
    values, problems = _configured(pyproject)
    if problems:
        raise SettingsError(*problems)
    unfound = {"project": "", "branch": "", "tag_format": "v{version}"} | values
    unfound["version_source"] = VersionSource("scm", "", "", "")
    unfound["checkpoints"] = CHECKPOINTS | values.get("checkpoints", {}) | _second_person(values)
    return Settings(**unfound)


def describe_settings(settings: Settings) -> list[tuple[str, str, str]]:
    """Key, value and origin of every setting, as words, in the order of the class."""
    return [(key, _words(name, getattr(settings, name)), settings.origins.get(name, "")) for key, name in KEYS.items()]


def table_of(pyproject: Mapping[str, Any]) -> Any:
    """What pyproject.toml has under [tool.lockgate], whatever it is; an empty table when there is nothing."""
    tool = pyproject.get("tool", {})
    return tool.get("lockgate", {}) if isinstance(tool, Mapping) else {}


def _configured(pyproject: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    table = table_of(pyproject)
    if not isinstance(table, Mapping):
        return {}, [Problem(f"tool.lockgate is {table!r}", "a table", f"write the settings under {TABLE}")]
    values: dict[str, Any] = {}
    problems = []
    for key, value in table.items():
        if key not in KEYS:
            problems.append(_unknown(key))
            continue
        try:
            values[KEYS[key]] = READERS[KEYS[key]](value)
        except kind.UnfitError as err:
            # A URL that is refused for its password must not show it.
            seen = f"{key} is {re.sub('//[^/]*@', '//***@', repr(value))}"
            problems.append(Problem(seen, str(err), f"correct it under {TABLE} in pyproject.toml"))
    return values, problems


def _unknown(key: str) -> Problem:
    near = difflib.get_close_matches(key.replace("_", "-").lower(), KEYS, n=1, cutoff=0.5)
    expected = f"{near[0]}, perhaps" if near else "one of " + ", ".join(KEYS)
    return Problem(f"{key} under {TABLE} is no setting", expected, "correct or remove it in pyproject.toml")


def _detected(
    pyproject: Mapping[str, Any], values: Mapping[str, Any], branch: str, tags: tuple[str, ...], read: Read
) -> Iterator[tuple[str, Any, str]]:
    """What the repository says, and the problem of saying nothing where a setting has no default."""
    table = table_of(pyproject)
    given = table if isinstance(table, Mapping) else {}
    project, origin = _project_name(pyproject)
    if project:
        yield "project", project, origin
    elif "project" not in given:
        yield "project", _needs("pyproject.toml gives the project no name", "a name under [project]", "project"), ""
    if branch:
        yield "branch", branch, "origin's HEAD"
    elif "branch" not in given:
        yield "branch", _needs("origin has no default branch", "a HEAD that names one", "branch"), ""
    project = values.get("project", project)
    tag_format = detect_tag_format(tags, project)
    yield "tag_format", tag_format, _tags_behind(tag_format, tags)
    notes = next((path for path in CHANGELOGS if _is_there(read, path)), "")
    if notes:
        yield "release_notes", notes, f"the repository has {notes}"
    import_name, origin = _import_name(project, read)
    yield "import_name", import_name, origin
    yield "import_packages", (values.get("import_name", import_name).partition(".")[0],), "import-name"


def _unsigned(values: Mapping[str, Any]) -> list[Problem]:
    if not values.get("signed_approvals") or values.get("allowed_signers"):
        return []
    return [
        _needs(
            "signed-approvals is true, and nothing says whose signatures count",
            "a file in the repository",
            "allowed-signers",
        )
    ]


def _second_person(values: Mapping[str, Any]) -> dict[str, str]:
    """Two people before the point of no return: then that checkpoint always asks."""
    return {"publish": "always"} if values.get("approvals_before_publish", 1) > 1 else {}


def _project_name(pyproject: Mapping[str, Any]) -> tuple[str, str]:
    for table in ("project", "tool.poetry"):
        value: Any = pyproject
        for part in (*table.split("."), "name"):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return value, f"{table}.name"
    return "", ""


def _needs(seen: str, expected: str, key: str) -> Problem:
    return Problem(seen, expected, f"add it, or set {key} under {TABLE}")


def _tags_behind(tag_format: str, tags: tuple[str, ...]) -> str:
    released = released_versions(tags, tag_format)
    newest = [released[version] for version in sorted(released)[-3:]]
    return "tags " + ", ".join(newest) if newest else "default"


def _import_name(project: str, read: Read) -> tuple[str, str]:
    """The module that the project is named after, as its files are: src/ or flat, in a namespace or not."""
    plain = project.replace("-", "_")
    for name in dict.fromkeys((plain, plain.lower(), plain.replace(".", "_"), plain.replace(".", "_").lower())):
        for folder in ("src/", ""):
            for path in (f"{folder}{name.replace('.', '/')}/__init__.py", f"{folder}{name.replace('.', '/')}.py"):
                if _is_there(read, path):
                    return name, f"the repository has {path}"
    return plain.replace(".", "_").lower(), "the project's name"


def _is_there(read: Read, path: str) -> bool:
    """Whether a file that a project may have is there to be read: a link, or what is no text, is passed over."""
    try:
        return read(path) is not None
    except RefusedError:
        return False


def _release_files(settings: Settings) -> tuple[str, ...]:
    """The files that may be committed without asking: the version's, the fixtures, and what the settings name."""
    source = settings.version_source
    own = (source.path, *(copy.path for copy in source.copies), settings.fixture.replace("{version}", "*"))
    return tuple(dict.fromkeys(path for path in (*own, *settings.release_files) if path))


def _words(name: str, value: Any) -> str:
    if isinstance(value, VersionSource):
        return f"the tag, read by {value.key}" if value.kind == "scm" else _place(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g} s ({duration(value)})" if value >= MINUTE_SECONDS else f"{value:g} s"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {word}" for key, word in value.items())
    if name in ("test_command", "migrations_check"):
        return shlex.join(value)
    if name == "pre_release":
        return "; ".join(map(shlex.join, value))
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _place(source: VersionSource) -> str:
    plain = source.kind == "static" or source.key.isidentifier()
    return f"{PurePosixPath(source.path)}:{source.key}" if plain else str(PurePosixPath(source.path))
