from __future__ import annotations

import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from lockgate.errors import SettingsError
from lockgate.version_sources import (
    WHOLE_FILE,
    VersionSource,
    find_version_source,
    read_version,
    write_version,
)

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
FLIT = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
PDM = '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
DYNAMIC = '[project]\nname = "my-pkg"\ndynamic = ["version"]\n'
MODULE = '"""A package."""\n__version__ = "1.2.3"\n'


def find_in(pyproject: str, files: Mapping[str, str]) -> VersionSource:
    return find_version_source(tomllib.loads(pyproject), {"pyproject.toml": pyproject, **files}.get)


FOUND = [
    ('[project]\nname = "p"\nversion = "1.2.3"\n', {}, "static", "pyproject.toml", "project.version"),
    ('[project]\nname = "p"\nversion = "1.2.3"\n', {"VERSION": "9"}, "static", "pyproject.toml", "project.version"),
    (POETRY + '[tool.poetry]\nversion = "1.2.3"\n', {}, "static", "pyproject.toml", "tool.poetry.version"),
    (POETRY + DYNAMIC + '[tool.poetry]\nversion = "1.2.3"\n', {}, "static", "pyproject.toml", "tool.poetry.version"),
    (POETRY + DYNAMIC, {"VERSION": "1.2.3\n"}, "file", "VERSION", WHOLE_FILE),
    (FLIT + DYNAMIC, {"VERSION": "1.2.3\n"}, "file", "VERSION", WHOLE_FILE),
    (FLIT + DYNAMIC, {"VERSION": "1.2.3", "my_pkg.py": "__version__ = read()\n"}, "file", "VERSION", WHOLE_FILE),
    (DYNAMIC, {"VERSION": "1.2.3"}, "file", "VERSION", WHOLE_FILE),
    (HATCH + '[tool.hatch.version]\npath = "VERSION"\npattern = "(?P<version>.+)"\n', {"VERSION": "1.2.3\n"}, "file",
     "VERSION", "(?P<version>.+)"),
    (HATCH + '[tool.hatch.version]\nsource = "regex"\npath = "a/b.py"\n', {"a/b.py": "VERSION: str = 'v1.2.3'\n"},
     "python", "a/b.py", None),
    (HATCH + '[tool.hatch.version]\nsource = "code"\npath = "a.py"\nexpression = "V"\n', {"a.py": "V = '1.2.3'"},
     "python", "a.py", "V"),
    (HATCH, {"hatch.toml": '[version]\npath = "a.py"\n', "a.py": MODULE}, "python", "a.py", None),
    (HATCH + '[tool.hatch.version]\nsource = "vcs"\n', {"VERSION": "1"}, "scm", "", "hatch-vcs"),
    (HATCH + '[tool.hatch.version]\nsource = "uv-dynamic-versioning"\n', {}, "scm", "", "uv-dynamic-versioning"),
    (SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = "V.txt"}\n', {"V.txt": "1.2.3"}, "file",
     "V.txt", WHOLE_FILE),
    (SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = ["V.txt"]}\n', {"V.txt": "1.2.3"}, "file",
     "V.txt", WHOLE_FILE),
    (SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "p.__version__"}\n',
     {"src/p/__init__.py": MODULE}, "python", "src/p/__init__.py", "__version__"),
    (SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "p.about.V"}\n',
     {"p/about.py": "V = '1.2.3'"}, "python", "p/about.py", "V"),
    (SETUPTOOLS + '[tool.setuptools]\npackage-dir = {p = "lib/x"}\ndynamic = {version = {attr = "p.about.V"}}\n',
     {"lib/x/about.py": "V = '1.2.3'"}, "python", "lib/x/about.py", "V"),
    (SETUPTOOLS + '[tool.setuptools]\npackage-dir = {"" = "lib"}\ndynamic = {version = {attr = "p.V"}}\n',
     {"lib/p.py": "V = '1.2.3'"}, "python", "lib/p.py", "V"),
    (SETUPTOOLS, {"setup.cfg": "[metadata]\nname = p\nversion = 1.2.3\n"}, "file", "setup.cfg", None),
    (SETUPTOOLS, {"setup.cfg": "[metadata]\nversion = attr: p.V\n", "p.py": "V = '1.2.3'"}, "python", "p.py", "V"),
    (SETUPTOOLS, {"setup.cfg": "[metadata]\nversion = file: V\n", "V": "1.2.3"}, "file", "V", WHOLE_FILE),
    (SETUPTOOLS + "[tool.setuptools_scm]\n", {}, "scm", "", "setuptools-scm"),
    ('[build-system]\nrequires = ["setuptools>=61", "Setuptools_SCM[toml]>=8"]\n', {}, "scm", "", "setuptools-scm"),
    (PDM + '[tool.pdm.version]\nsource = "scm"\n', {}, "scm", "", "pdm-backend"),
    (PDM + '[tool.pdm.version]\nsource = "file"\npath = "p.py"\n', {"p.py": MODULE}, "python", "p.py", None),
    (FLIT + DYNAMIC, {"my_pkg/__init__.py": MODULE}, "python", "my_pkg/__init__.py", "__version__"),
    (FLIT + DYNAMIC, {"src/my_pkg/__init__.py": MODULE}, "python", "src/my_pkg/__init__.py", "__version__"),
    (FLIT + DYNAMIC, {"my_pkg.py": MODULE}, "python", "my_pkg.py", "__version__"),
    (FLIT + DYNAMIC + '[tool.flit.module]\nname = "a.b"\n', {"a/b.py": MODULE}, "python", "a/b.py", "__version__"),
    (FLIT + DYNAMIC, {"my_pkg/__init__.py": "from .about import __version__\n", "my_pkg/about.py": MODULE}, "python",
     "my_pkg/about.py", "__version__"),
    (FLIT + DYNAMIC, {"src/my_pkg/__init__.py": "from my_pkg._v import V as __version__\n", "src/my_pkg/_v.py": "V = '1.2.3'"},
     "python", "src/my_pkg/_v.py", "V"),
    (SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "p.a.V"}\n',
     {"p/a.py": "from ..q.b import V\n", "q/b.py": "from q import V\n", "q/__init__.py": "V = '1.2.3'\n"}, "python",
     "q/__init__.py", "V"),
    (POETRY + '[tool.poetry]\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n', {}, "scm", "",
     "poetry-dynamic-versioning"),
    (POETRY + '[tool.poetry]\nversion = "1.2.3"\n[tool.poetry-dynamic-versioning]\nenable = false\n', {}, "static",
     "pyproject.toml", "tool.poetry.version"),
    ('[tool.poetry-dynamic-versioning]\nenable = true\nfrom-file = {source = "V", pattern = "v=(.*)"}\n',
     {"V": "v=1.2.3\r\n"}, "file", "V", "v=(.*)"),
    ('[tool.lockgate]\nversion-source = "scm"\n' + PDM + '[tool.pdm.version]\nsource = "scm"\n', {}, "scm", "",
     "pdm-backend"),
    ('[tool.lockgate]\nversion-source = "scm"\n[project]\nversion = "1"\n', {}, "scm", "", "setuptools-scm"),
    ('[tool.lockgate]\nversion-source = "V"\n[project]\nversion = "1"\n', {"V": "1.2.3"}, "file", "V", WHOLE_FILE),
    ('[tool.lockgate]\nversion-source = "p.py"\n', {"p.py": MODULE}, "python", "p.py", "__version__"),
    ('[tool.lockgate]\nversion-source = "p.py:V"\n', {"p.py": "V = '1.2.3'"}, "python", "p.py", "V"),
    ('[tool.lockgate]\nversion-source = "c.toml:a.b"\n', {"c.toml": "a.b = '1.2.3'"}, "static", "c.toml", "a.b"),
    ('[tool.lockgate]\nversion-source = "c.txt:is: (.+)"\n', {"c.txt": "is: 1.2.3"}, "file", "c.txt", "is: (.+)"),
]  # fmt: skip


@pytest.mark.parametrize(("pyproject", "files", "kind", "path", "key"), FOUND)
def test_source_is_found_and_read(pyproject: str, files: dict[str, str], kind: str, path: str, key: str | None) -> None:
    source = find_in(pyproject, files)
    assert (source.kind, source.path) == (kind, path)
    assert key is None or source.key == key
    version = read_version(source, {"pyproject.toml": pyproject, **files}.get)
    assert version == (None if kind == "scm" else Version("1.2.3"))


@pytest.mark.parametrize(("pyproject", "files", "kind", "path", "key"), [row for row in FOUND if row[2] != "scm"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_version_changes(
    pyproject: str, files: dict[str, str], kind: str, path: str, key: str | None, ending: str
) -> None:
    text = {"pyproject.toml": pyproject, **files}[path].replace("\r\n", "\n").replace("\n", ending)
    changed = write_version(find_in(pyproject, files), text, Version("2.0rc1"))
    assert changed == text.replace("1.2.3", "2.0rc1")
    assert changed != text


REFUSED = [
    ("", {}, "nothing names the project's version. Expected: project.version, a VERSION file, a Python file"),
    ('[project]\nversion = "abc"\n', {}, "in pyproject.toml, 'abc' is not a version"),
    ('[project]\nversion = "1.0+x"\n', {}, "in pyproject.toml, '1.0+x' is a local version (PEP 440)"),
    (HATCH + '[tool.hatch.version]\npath = "a.py"\n', {}, "the version should be in a.py ([tool.hatch.version] has a"),
    (HATCH + '[tool.hatch.version]\npath = "a.py"\n', {"a.py": "x = 1"}, "a.py holds no plain version under"),
    (HATCH + '[tool.hatch.version]\npath = "../a.py"\n', {"../a.py": MODULE}, "Expected: a path in the repository"),
    (HATCH + '[tool.hatch.version]\npath = "/a.py"\n', {"/a.py": MODULE}, "Expected: a path in the repository"),
    (HATCH + '[tool.hatch.version]\npath = "V"\npattern = "("\n', {"V": "1"}, "'(' is not a regular expression"),
    (HATCH + '[tool.hatch.version]\npath = "V"\npattern = ".+"\n', {"V": "1"}, "'.+' has no group. Expected: a group"),
    (HATCH + '[tool.hatch.version]\nsource = "env"\n', {}, "[tool.hatch.version] has source 'env'. Expected: a source"),
    (HATCH + '[tool.hatch.version]\nsource = "versioningit"\n', {}, "versioningit computes the version from git and"),
    (HATCH, {"hatch.toml": "["}, "a file that should name or hold the version is not TOML"),
    (PDM + '[tool.pdm.version]\nsource = "call"\n', {}, "[tool.pdm.version] has source 'call'"),
    (SETUPTOOLS, {"setup.cfg": "version"}, "setup.cfg cannot be read"),
    (FLIT + DYNAMIC, {"my_pkg.py": "__version__ = read()\n"}, "Expected: one string with the version, not code that"),
    (FLIT + DYNAMIC, {"my_pkg.py": "from .elsewhere import __version__\n"}, "my_pkg.py holds no plain version under"),
    (FLIT + DYNAMIC, {"my_pkg/__init__.py": "from . import __version__\n"}, "my_pkg/__init__.py holds no plain version"),
    (FLIT + DYNAMIC, {"my_pkg.py": "__version__ = (\n"}, "a file that should hold the version is not Python"),
    (FLIT + DYNAMIC, {"my_pkg.py": "__version__ = '1'\n__version__ = '2'\n"}, "holds no plain version"),
    (FLIT + DYNAMIC, {"my_pkg.py": "__version__ = '1' '.2'\n"}, "holds no plain version"),
    (DYNAMIC, {"VERSION": "1.0 and more\n"}, "VERSION holds no plain version"),
    ('[tool.lockgate]\nversion-source = "V"\n', {"VERSION": "1.0"}, "in V (tool.lockgate.version-source says 'V')"),
]  # fmt: skip


@pytest.mark.parametrize(("pyproject", "files", "words"), REFUSED)
def test_a_source_that_cannot_be_used_is_named(pyproject: str, files: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        find_in(pyproject, files)
    assert words in str(caught.value)


def test_every_source_that_was_tried_is_named() -> None:
    pyproject = HATCH.replace("]\nbuild", ', "versioningit"]\nbuild') + '[tool.hatch.version]\npath = "a.py"\n'
    with pytest.raises(SettingsError) as caught:
        find_in(pyproject, {"VERSION": "one two"})
    assert [problem.seen.split()[0] for problem in caught.value.problems] == ["the", "versioningit", "VERSION"]


STATIC = VersionSource("static", "pyproject.toml", "project.version", "")
PYTHON = VersionSource("python", "p.py", "__version__", "")
WHOLE = VersionSource("file", "VERSION", WHOLE_FILE, "")

WRITTEN = [
    (STATIC, "a = '1.0'\n[project] # 1.0\nversion = '1.0'  # \"1.0\"\nx = \"1.0\"\r\n",
     "a = '1.0'\n[project] # 1.0\nversion = '2.0'  # \"1.0\"\nx = \"1.0\"\r\n"),
    (STATIC, 'project = { name = "1.0", version = "1.0" }', 'project = { name = "1.0", version = "2.0" }'),
    (STATIC, 'project.version = """1.0"""', 'project.version = """2.0"""'),
    (STATIC, '[project]\n"version" = "v1.0"\n', '[project]\n"version" = "v2.0"\n'),
    (PYTHON, "é = 'é'; __version__ = u'''1.0''' # 1.0\r\n", "é = 'é'; __version__ = u'''2.0''' # 1.0\r\n"),
    (PYTHON, "\ufeff__version__: str = '1.0'", "\ufeff__version__: str = '2.0'"),
    (PYTHON, "# \x0c\r__version__ = V = (\r  r'1.0'\r)", "# \x0c\r__version__ = V = (\r  r'2.0'\r)"),
    (WHOLE, "\ufeff\r\n 1.0 \r\n\r\n", "\ufeff\r\n 2.0 \r\n\r\n"),
    (WHOLE, "1.0", "2.0"),
    (WHOLE, "2.0.0\n", "2.0.0\n"),
    (VersionSource("file", "V", "a=(.*)$", ""), "\r\n" * 6 + "a=1.0 \r\nb=1.0\r\n",
     "\r\n" * 6 + "a=2.0 \r\nb=1.0\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text", "wanted"), WRITTEN)
def test_quotes_comments_and_line_endings_stay(source: VersionSource, text: str, wanted: str) -> None:
    assert write_version(source, text, Version("2.0")) == wanted


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\\\r\0"), max_size=20)


@given(TEXTS, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=50, deadline=None)
def test_any_text_around_the_version_stays(around: str, ending: str) -> None:
    comment = around.replace("\n", " ")
    text = f"# {comment}{ending}s = '''{around}'''; __version__ = '1.0'  # {comment}{ending}"
    assert write_version(PYTHON, text, Version("2.0")) == text.replace("__version__ = '1.0'", "__version__ = '2.0'")


@pytest.mark.parametrize(
    ("source", "text", "words"),
    [
        (STATIC, '[project]\nname = "p"\n', "pyproject.toml holds no plain version under project.version"),
        (STATIC, '[project]\nversion = "1\\u002e0"\n', "pyproject.toml holds no plain version"),
        (
            VersionSource("scm", "", "hatch-vcs", "it says so"),
            "",
            "holds no plain version under hatch-vcs (it says so)",
        ),
        (VersionSource("file", "V", "v=(\\d+)", ""), "v=1.0", "after writing 2.5, V does not read back as that"),
    ],
)
def test_what_cannot_be_written_is_refused(source: VersionSource, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        write_version(source, text, Version("2.5"))
    assert words in str(caught.value)


def test_a_file_that_went_away_is_named() -> None:
    with pytest.raises(SettingsError, match=r"the version should be in VERSION .*, and there is no such file"):
        read_version(WHOLE, lambda _: None)


@pytest.mark.parametrize(
    ("pyproject", "copies"),
    [
        (HATCH + DYNAMIC + '[tool.hatch.version]\npath = "p.py"\n', ("PKG-INFO",)),
        (HATCH + DYNAMIC + '[tool.hatch.version]\nsource = "vcs"\n', ("PKG-INFO",)),
        (HATCH + DYNAMIC + '[tool.lockgate]\nversion-source = "p.py"\n', ("PKG-INFO",)),
        (HATCH + '[project]\nname = "q"\nversion = "1.2.3"\n', ()),
        (FLIT + DYNAMIC + '[tool.flit.module]\nname = "p"\n', ()),
    ],
)
def test_a_committed_metadata_file_counts_where_the_backend_believes_it(
    pyproject: str, copies: tuple[str, ...]
) -> None:
    files = {"p.py": MODULE, "PKG-INFO": "Version: 1.2.3\n"}
    assert tuple(copy.path for copy in find_in(pyproject, files).copies) == copies
    assert find_in(pyproject, {"p.py": MODULE}).copies == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_version_in_the_header_of_a_metadata_file_changes(ending: str) -> None:
    text = "Metadata-Version: 2.4\nName: p\nVersion: 1.2.3\n\nVersion: 1.2.3 is out\n".replace("\n", ending)
    files = {"PKG-INFO": text, "p.py": MODULE}
    (copy,) = find_in(HATCH + DYNAMIC + '[tool.hatch.version]\npath = "p.py"\n', files).copies
    expected = text.replace("Version: 1.2.3" + ending, "Version: 2.0rc1" + ending)
    assert write_version(copy, text, Version("2.0rc1")) == expected


STATIC = '[project]\nname = "my-pkg"\nversion = "1.2.3"\n'


@pytest.mark.parametrize(
    ("pyproject", "files", "copies"),
    [
        (STATIC, {"my_pkg/__init__.py": MODULE}, ["my_pkg/__init__.py"]),
        (
            STATIC,
            {"src/my_pkg/__init__.py": "from .v import __version__", "src/my_pkg/v.py": MODULE},
            ["src/my_pkg/v.py"],
        ),
        (POETRY + '[tool.poetry]\nname = "my-pkg"\nversion = "1.2.3"\n', {"my_pkg.py": MODULE}, ["my_pkg.py"]),
        (STATIC, {"my_pkg/__init__.py": "__version__ = '1.2.2'\n"}, []),
        (STATIC, {"my_pkg/__init__.py": "__version__ = read()\n"}, []),
        (STATIC, {"my_pkg/__init__.py": "no python =\n"}, []),
        (STATIC, {}, []),
        (FLIT + DYNAMIC, {"my_pkg.py": MODULE}, []),
        (SETUPTOOLS + DYNAMIC + "[tool.setuptools_scm]\n", {"my_pkg.py": MODULE}, []),
    ],
)
def test_a_module_that_repeats_the_version_is_a_copy(pyproject: str, files: dict[str, str], copies: list[str]) -> None:
    assert [copy.path for copy in find_in(pyproject, files).copies] == copies
