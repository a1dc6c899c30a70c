"""Where a project keeps its version: found as its build backend finds it, read, and written back.

`read` gives the text of one of the repository's files, with its own line endings, or None when there is no such file.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate.errors import Problem, SettingsError
from lockgate.version_literals import imported_from, parse_toml, pattern_span, python_span, toml_span
from lockgate.versions import parse_version

Read = Callable[[str], str | None]
Table = Mapping[str, Any]

PLAIN_FILES = ("VERSION", "VERSION.txt", "version.txt")
WHOLE_FILE = r"\A\ufeff?\s*(?P<version>\S+)\s*\Z"
HATCH_PATTERN = r"(?i)^(?:__version__|VERSION)(?: ?: ?str)? *= *(?P<quote>['\"])v?(?P<version>.+?)(?P=quote)"
PDM_PATTERN = r"^__version__\s*=\s*[\"'](?P<version>.+?)[\"']\s*(?:#.*)?$"
SETUP_CFG_PATTERN = r"^version\s*[=:]\s*(?P<version>[^\s#;]+)"
HATCH_SCM_SOURCES = {
    "vcs": "hatch-vcs",
    "uv-dynamic-versioning": "uv-dynamic-versioning",
    "versioningit": "versioningit",
}
SCM_REQUIREMENTS = ("setuptools-scm", "flit-scm", "hatch-vcs", "uv-dynamic-versioning", "versioningit")
FOLLOWED_IMPORTS = 5
METADATA_FILE = "PKG-INFO"
METADATA_PATTERN = r"^Version:[ \t]*(?P<version>\S+)"
SETTING = "tool.lockgate.version-source"


@dataclass(frozen=True, slots=True)
class VersionSource:
    """One place that decides the version.

    `key` is a TOML key (static), an attribute or a pattern (python), a pattern (file), or the tool that reads the tag
    (scm, which has no path). `why` says how it was found. `copies` are other places with the version, to change with it.
    """

    kind: Literal["file", "static", "python", "scm"]
    path: str
    key: str
    why: str
    copies: tuple[VersionSource, ...] = ()


def find_version_source(pyproject: Table, read: Read) -> VersionSource:
    """The place that the project's build backend takes the version from; the setting `version-source` overrides it.

    The setting is `scm`, a file (`VERSION`), a module's attribute (`pkg/__init__.py:__version__`) or a TOML key
    (`pyproject.toml:project.version`). A source that does not hold its version as plain text gives way to a VERSION
    file. Raises SettingsError when there is none, naming each source that was tried.
    """
    setting = _table(pyproject, "tool.lockgate").get("version-source")
    if isinstance(setting, str):
        source = _configured(setting, pyproject)
        problem = _unreadable(source, read)
        if problem is not None:
            raise SettingsError(problem)
        return _with_copies(source, pyproject, read)
    problems = []
    for found in _declared(pyproject, read):
        problem = found if isinstance(found, Problem) else _unreadable(found, read)
        if isinstance(found, VersionSource) and problem is None:
            return _with_copies(found, pyproject, read)
        problems += [problem] if problem else []
    raise SettingsError(*problems) if problems else _not_found()


def read_version(source: VersionSource, read: Read) -> Version | None:
    """The repository's own version; None when its tags decide it. Raises SettingsError when it cannot be read."""
    if source.kind == "scm":
        return None
    text = read(source.path)
    span = None if text is None else _span(source, text)
    if text is None or span is None:
        raise SettingsError(_unreadable(source, read) or _missing(source))
    return _parse_in(source, text[slice(*span)])


def write_version(source: VersionSource, text: str, version: Version) -> str:
    """The file's text with the new version, all else byte for byte as it was; unchanged when it has it in any spelling.

    Raises SettingsError when the text holds no version, and when the new text does not read back as `version`.
    """
    span = None if source.kind == "scm" else _span(source, text)
    if span is None:
        raise SettingsError(_missing(source))
    old = text[slice(*span)]
    if _parse_in(source, old) == version:
        return text
    new = ("v" if old.startswith("v") else "") + str(version)
    changed = text[: span[0]] + new + text[span[1] :]
    if read_version(source, lambda _: changed) != version:
        seen = f"after writing {version}, {source.path} does not read back as that"
        raise SettingsError(Problem(seen, f"a {source.key} that holds the whole version", f"set {SETTING}"))
    return changed


def _with_copies(source: VersionSource, pyproject: Table, read: Read) -> VersionSource:
    """The source with the files that hold the version a second time, which a release changes too."""
    copies = [*_metadata_file(pyproject, read), *_repeated(source, pyproject, read)]
    return replace(source, copies=tuple(copies))


def _metadata_file(pyproject: Table, read: Read) -> Iterator[VersionSource]:
    """A committed PKG-INFO, which hatchling takes the dynamic version from before it looks anywhere else (metadata/core.py)."""
    backend = str(_table(pyproject, "build-system").get("build-backend", ""))
    text = read(METADATA_FILE) if "version" not in _table(pyproject, "project") else None
    if backend.startswith("hatchling") and text is not None and pattern_span(text, METADATA_PATTERN):
        yield VersionSource("file", METADATA_FILE, METADATA_PATTERN, "hatchling believes it first")


def _repeated(source: VersionSource, pyproject: Table, read: Read) -> Iterator[VersionSource]:
    """The package's own `__version__`, where it is written out once more and says the same."""
    current = read_version(source, read)
    found = _attribute(_package_paths(pyproject), "__version__", read, "it repeats the version")
    text = read(found.path)
    span = None if text is None or found.path == source.path else _python_span(found, text)
    if text is not None and span is not None and text[slice(*span)] == str(current):
        yield found


def _python_span(source: VersionSource, text: str) -> tuple[int, int] | None:
    try:
        return python_span(text, source.key)
    except SettingsError:
        return None  # nothing builds with this file, or nothing imports it


def _configured(setting: str, pyproject: Table) -> VersionSource:
    path, _, key = setting.partition(":")
    why = f"{SETTING} says {setting!r}"
    if setting == "scm":
        tools = (found.key for found in _declared(pyproject, lambda _: None) if isinstance(found, VersionSource))
        known = {*SCM_REQUIREMENTS, "pdm-backend", "poetry-dynamic-versioning"}
        return VersionSource("scm", "", next((tool for tool in tools if tool in known), "setuptools-scm"), why)
    if key and path.endswith(".toml"):
        return VersionSource("static", path, key, why)
    if path.endswith(".py"):
        return VersionSource("python", path, key or "__version__", why)
    return VersionSource("file", path, key or WHOLE_FILE, why)


def _declared(pyproject: Table, read: Read) -> Iterator[VersionSource | Problem]:
    """Every source that the project's files name, the one that wins first."""
    if isinstance(_table(pyproject, "project").get("version"), str):
        yield VersionSource("static", "pyproject.toml", "project.version", "[project] has a version")
        return
    backend = str(_table(pyproject, "build-system").get("build-backend", ""))
    yield from _poetry(pyproject, backend)
    if backend.startswith("hatchling"):
        yield from _hatch(pyproject, read)
    yield from _setuptools(pyproject, read)
    if backend.startswith("pdm."):
        yield from _pdm(_table(pyproject, "tool.pdm.version"))
    yield from _required_tool(pyproject)
    if backend.startswith("flit_core"):
        yield from _flit(pyproject, read)
    yield from (
        VersionSource("file", path, WHOLE_FILE, f"the repository has a file {path}")
        for path in PLAIN_FILES
        if read(path) is not None
    )


def _poetry(pyproject: Table, backend: str) -> Iterator[VersionSource]:
    plugin = _table(pyproject, "tool.poetry-dynamic-versioning")
    if plugin.get("enable") is True:
        from_file = _table(plugin, "from-file")
        if "source" in from_file:
            why = "[tool.poetry-dynamic-versioning.from-file] names it"
            yield _in_file(str(from_file["source"]), str(from_file.get("pattern", WHOLE_FILE)), why)
        else:
            yield VersionSource("scm", "", "poetry-dynamic-versioning", "[tool.poetry-dynamic-versioning] is enabled")
    elif backend.startswith("poetry") and isinstance(_table(pyproject, "tool.poetry").get("version"), str):
        yield VersionSource("static", "pyproject.toml", "tool.poetry.version", "[tool.poetry] has a version")


def _hatch(pyproject: Table, read: Read) -> Iterator[VersionSource | Problem]:
    table = _table(pyproject, "tool.hatch.version") or _hatch_file(read)
    source, path = table.get("source", "regex"), str(table.get("path", ""))
    if source in HATCH_SCM_SOURCES:
        yield VersionSource("scm", "", HATCH_SCM_SOURCES[source], f"[tool.hatch.version] has source {source!r}")
    elif source == "regex" and path:
        pattern = table.get("pattern")
        yield _in_file(path, pattern if isinstance(pattern, str) else HATCH_PATTERN, "[tool.hatch.version] has a path")
    elif source == "code" and path:
        yield _in_file(path, str(table.get("expression", "__version__")), "[tool.hatch.version] has source 'code'")
    elif table:
        yield _unknown(f"[tool.hatch.version] has source {source!r}")


def _hatch_file(read: Read) -> Table:
    text = read("hatch.toml")
    return {} if text is None else _table(parse_toml(text), "version")


def _setuptools(pyproject: Table, read: Read) -> Iterator[VersionSource | Problem]:
    if "setuptools_scm" in _table(pyproject, "tool"):
        yield VersionSource("scm", "", "setuptools-scm", "there is a table [tool.setuptools_scm]")
    directive = _table(pyproject, "tool.setuptools.dynamic.version")
    directories = _table(pyproject, "tool.setuptools.package-dir")
    yield from _directive(directive, directories, read, "[tool.setuptools.dynamic] says so")
    text = read("setup.cfg")
    if text is None:
        return
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as err:
        yield _unknown(f"setup.cfg cannot be read: {err}")
    value = parser.get("metadata", "version", fallback="")
    kind, colon, argument = (part.strip() for part in value.partition(":"))
    if colon:
        yield from _directive({kind: argument}, {}, read, "setup.cfg says so")
    elif value:
        yield VersionSource("file", "setup.cfg", SETUP_CFG_PATTERN, "setup.cfg has a version")


def _directive(directive: Table, directories: Table, read: Read, why: str) -> Iterator[VersionSource | Problem]:
    files = directive.get("file")
    files = [files] if isinstance(files, str) else files
    if isinstance(files, list):
        yield from (VersionSource("file", str(path), WHOLE_FILE, why) for path in files[:1])
    attribute = directive.get("attr")
    if isinstance(attribute, str):
        module, _, name = attribute.rpartition(".")
        paths = [path for root in _roots(module, directories) for path in _module_files(root)]
        yield _attribute(paths, name, read, why)


def _roots(module: str, directories: Table) -> Iterator[str]:
    """Where setuptools looks for a module: its own entry in package-dir, the entry for all, the project, src/."""
    package, _, rest = module.partition(".")
    if package in directories:
        yield str(PurePosixPath(str(directories[package]), *rest.split(".")))
    for folder in (str(directories.get("", "")), "src"):
        yield str(PurePosixPath(folder, *module.split(".")))


def _module_files(root: str) -> tuple[str, str]:
    return f"{root}/__init__.py", f"{root}.py"


def _pdm(table: Table) -> Iterator[VersionSource | Problem]:
    source = table.get("source")
    if source == "scm":
        yield VersionSource("scm", "", "pdm-backend", "[tool.pdm.version] has source 'scm'")
    elif source == "file" and "path" in table:
        yield _in_file(str(table["path"]), PDM_PATTERN, "[tool.pdm.version] has source 'file'")
    elif table:
        yield _unknown(f"[tool.pdm.version] has source {source!r}")


def _required_tool(pyproject: Table) -> Iterator[VersionSource]:
    for requirement in _table(pyproject, "build-system").get("requires", ()):
        match = re.match(r"\s*([A-Za-z0-9._-]+)", str(requirement))
        name = canonicalize_name(match[1]) if match else ""
        if name in SCM_REQUIREMENTS:
            yield VersionSource("scm", "", name, f"[build-system] requires {name}")


def _flit(pyproject: Table, read: Read) -> Iterator[VersionSource]:
    yield _attribute(_package_paths(pyproject), "__version__", read, "flit takes the module's __version__")


def _package_paths(pyproject: Table) -> list[str]:
    """Where the package's first module may be, by flit's settings or the project's name."""
    project = str(_table(pyproject, "project").get("name", "") or _table(pyproject, "tool.poetry").get("name", ""))
    module = str(_table(pyproject, "tool.flit.module").get("name", "")) or project.replace("-", "_")
    module = str(_table(pyproject, "tool.flit.metadata").get("module", "")) or module
    return [path for folder in ("", "src/") for path in _module_files(folder + module.replace(".", "/"))]


def _attribute(paths: list[str], name: str, read: Read, why: str) -> VersionSource:
    """The first of these modules that is there, or the one that it imports the attribute from: backends import it too."""
    path = next((path for path in paths if read(path) is not None), paths[0])
    for _ in range(FOLLOWED_IMPORTS):
        place = imported_from(read(path) or "", name)
        known = (
            [one for one in _module_files(_imported_module(path, *place[:2])) if read(one) is not None] if place else []
        )
        if place is None or not known:
            break
        path, name = known[0], place[2]
    return VersionSource("python", path, name, why)


def _imported_module(path: str, level: int, module: str) -> str:
    """The path, without its ending, of what a module at `path` imports; without dots it is taken from its own package."""
    folder = PurePosixPath(path).parent
    if level:
        base = folder if level == 1 else folder.parents[min(level - 2, len(folder.parents) - 1)]
    else:
        top = module.partition(".")[0]
        base = next((one.parent for one in (folder, *folder.parents) if one.name == top), folder)
    return str(PurePosixPath(base, *module.split("."))) if module else str(base)


def _in_file(path: str, key: str, why: str) -> VersionSource:
    return VersionSource("python" if path.endswith(".py") else "file", path, key, why)


def _span(source: VersionSource, text: str) -> tuple[int, int] | None:
    if source.kind == "static":
        return toml_span(text, source.key)
    if source.key.isidentifier():
        return python_span(text, source.key)
    return pattern_span(text, source.key)


def _unreadable(source: VersionSource, read: Read) -> Problem | None:
    if source.kind == "scm":
        return untold(source.key) if source.key == "versioningit" else None
    path = PurePosixPath(source.path)
    if path.is_absolute() or ".." in path.parts:
        return Problem(f"the version should be in {source.path} ({source.why})", "a path in the repository", "move it")
    text = read(source.path)
    if text is None:
        seen = f"the version should be in {source.path} ({source.why}), and there is no such file"
        return Problem(seen, "a file of the repository", f"add the file, or set {SETTING}")
    span = _span(source, text)
    if span is None:
        return _missing(source)
    _parse_in(source, text[slice(*span)])
    return None


def _parse_in(source: VersionSource, text: str) -> Version:
    try:
        return parse_version(text)
    except SettingsError as err:
        problem = err.problems[0]
        raise SettingsError(replace(problem, seen=f"in {source.path}, {problem.seen}")) from err


def _missing(source: VersionSource) -> Problem:
    seen = f"{source.path} holds no plain version under {source.key} ({source.why})"
    return Problem(seen, "one string with the version, not code that computes it", f"write one, or set {SETTING}")


def untold(tool: str) -> Problem:
    """The problem with a tool that no build can tell its version."""
    seen = f"{tool} computes the version from git and cannot be told one"
    advice = "change to a tool such as setuptools-scm or hatch-vcs, or keep the version in a file"
    return Problem(seen, "a version that the build can be told", advice)


def _unknown(seen: str) -> Problem:
    return Problem(seen, "a source that is plain text or a tag", f"set {SETTING} to the file with the version")


def _not_found() -> SettingsError:
    seen = "nothing names the project's version"
    expected = "project.version, a VERSION file, a Python file that the build backend names, or a tool that reads tags"
    return SettingsError(Problem(seen, expected, f"add one, or set {SETTING}"))


def _table(data: Table, path: str) -> Table:
    """The table at a dotted path; an empty one when it is missing, or something else than a table."""
    value: object = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
