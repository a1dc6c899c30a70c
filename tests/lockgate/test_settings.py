from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from lockgate.errors import SettingsError
from lockgate.settings import KEYS, READERS, Settings, describe_settings, resolve_settings

PROJECT = '[project]\nname = "My.Pkg"\nversion = "1.0"\n'


def resolve(table: str = "", *, project: str = PROJECT, tags: tuple[str, ...] = (), **files: str) -> Settings:
    return resolve_with(table, project, tags, files)


def resolve_with(table: str, project: str, tags: tuple[str, ...], files: Mapping[str, str]) -> Settings:
    text = project + "[tool.lockgate]\n" + table
    return resolve_settings(
        tomllib.loads(text), default_branch="trunk", tags=tags, read={"pyproject.toml": text, **files}.get
    )


def test_every_setting_has_a_reader_and_an_origin() -> None:
    assert [*READERS, "origins"] == [entry.name for entry in fields(Settings)]
    assert list(resolve().origins) == list(READERS)
    assert [key for key, _, _ in describe_settings(resolve())] == list(KEYS)


def test_a_project_without_settings_gets_what_is_found_and_the_defaults() -> None:
    settings = resolve(tags=("1.0", "1.1", "1.2", "1.3"), **{"CHANGES.md": "", "src/my/pkg/__init__.py": ""})
    told = {key: (value, origin) for key, value, origin in describe_settings(settings)}
    assert {key: row for key, row in told.items() if row[1] != "default"} == {
        "project": ("My.Pkg", "project.name"),
        "branch": ("trunk", "origin's HEAD"),
        "tag-format": ("{version}", "tags 1.1, 1.2, 1.3"),
        "version-source": ("pyproject.toml:project.version", "[project] has a version"),
        "release-notes": ("CHANGES.md", "the repository has CHANGES.md"),
        "import-name": ("my.pkg", "the repository has src/my/pkg/__init__.py"),
        "import-packages": ("my", "import-name"),
    }
    assert told["fixture"] == ("releases/{version}.json", "default")
    assert told["release-files"] == ("pyproject.toml, releases/*.json", "default")
    assert told["checkpoints"][0] == "migrations: when-needed, tests: when-needed, publisher: always, publish: never"
    assert told["test-timeout"][0] == "3600 s (1 h)"
    assert told["sign-tags"][0] == "no"


@pytest.mark.parametrize(
    ("line", "name", "value", "words"),
    [
        ('project = "other"', "project", "other", "other"),
        ('branch = "main"', "branch", "main", "main"),
        ('tag-format = "pkg/v{version}"', "tag_format", "pkg/v{version}", "pkg/v{version}"),
        ('fixture = "./r/{version}.json"', "fixture", "r/{version}.json", "r/{version}.json"),
        ('pre-release = "nox -s news"', "pre_release", (("nox", "-s", "news"),), "nox -s news"),
        ('pre-release = ["a b", ["c", "d e"]]', "pre_release", (("a", "b"), ("c", "d e")), "a b; c 'd e'"),
        ("pre-release = []", "pre_release", (), ""),
        ('dispatch-inputs = {v = "{tag}", x = ""}', "dispatch_inputs", {"v": "{tag}", "x": ""}, "v: {tag}, x: "),
        ('publisher = "o/r.x/p.yml@pypi"', "publisher", "o/r.x/p.yml@pypi", "o/r.x/p.yml@pypi"),
        ('publisher = "o/r/p.yaml"', "publisher", "o/r/p.yaml", "o/r/p.yaml"),
        ("pre-release-timeout = 5", "pre_release_timeout", 5.0, "5 s"),
        ("test-timeout = 0.5", "test_timeout", 0.5, "0.5 s"),
        ('migrations = ["app/migrations/*.py"]', "migrations", ("app/migrations/*.py",), "app/migrations/*.py"),
        ("migrations = []", "migrations", (), ""),
        ('migrations-check = ["x", "y z"]', "migrations_check", ("x", "y z"), "x 'y z'"),
        ('test-command = ""', "test_command", (), ""),
        ("migrations-chain = 3", "migrations_chain", 3, "3"),
        ('test-command = "pytest -k \'a b\'"', "test_command", ("pytest", "-k", "a b"), "pytest -k 'a b'"),
        ('workflow = ".github/workflows/publish.yml"', "workflow", "publish.yml", "publish.yml"),
        ('environment = ""', "environment", "", ""),
        ('index = "http://127.0.0.1:9/simple/"', "index", "http://127.0.0.1:9/simple/", "http://127.0.0.1:9/simple/"),
        ('approvers = ["ann", "bob"]', "approvers", ("ann", "bob"), "ann, bob"),
        ('rebuilt = "report"', "rebuilt", "report", "report"),
        ("sign-tags = true", "sign_tags", True, "yes"),
        ('release-notes = "docs/news.md"', "release_notes", "docs/news.md", "docs/news.md"),
        ('import-name = "a.b"', "import_packages", ("a",), "a"),
        ('import-packages = ["a", "b"]', "import_packages", ("a", "b"), "a, b"),
        ("file-size-limit = 250", "file_size_limit", 250, "250"),
    ],
)  # fmt: skip
def test_a_value_from_the_table(line: str, name: str, value: object, words: str) -> None:
    settings = resolve(line)
    assert getattr(settings, name) == value
    told = {KEYS[key]: (said, origin) for key, said, origin in describe_settings(settings)}
    assert told[name][0] == words
    assert told[KEYS[line.split()[0]]][1] == "[tool.lockgate]"


def test_checkpoints_keep_their_defaults_where_the_table_is_silent() -> None:
    settings = resolve('checkpoints = {publish = "always"}')
    assert settings.checkpoints == {
        "migrations": "when-needed", "tests": "when-needed", "publisher": "always", "publish": "always",
    }  # fmt: skip
    assert resolve().checkpoints["publish"] == "never"


def test_release_files_always_have_the_version_file_and_the_fixtures() -> None:
    settings = resolve_with(
        'release-files = ["NEWS", "VERSION"]\nfixture = "r/{version}/x.json"\nversion-source = "VERSION"',
        PROJECT,
        (),
        {"VERSION": "1.0"},
    )
    assert settings.release_files == ("VERSION", "r/*/x.json", "NEWS")
    assert settings.origins["version_source"] == "[tool.lockgate]"


def test_a_version_from_the_tag_has_no_file() -> None:
    settings = resolve('version-source = "scm"')
    assert settings.release_files == ("releases/*.json",)
    assert ("version-source", "the tag, read by setuptools-scm", "[tool.lockgate]") in describe_settings(settings)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ((), "my_pkg"),
        (("src/my/pkg/__init__.py",), "my.pkg"),
        (("My/Pkg/__init__.py",), "My.Pkg"),
        (("my_pkg/__init__.py",), "my_pkg"),
        (("src/my_pkg.py",), "my_pkg"),
        (("My_Pkg.py", "other/__init__.py"), "My_Pkg"),
    ],
)
def test_the_import_name_is_what_the_files_say(files: tuple[str, ...], name: str) -> None:
    assert resolve_with("", PROJECT, (), dict.fromkeys(files, "")).import_name == name


BAD = [
    ("file-size-limit = 0", "file-size-limit is 0. Expected: a whole number over 0"),
    ("publish-timeout = 9e9", "let step 9 take up to 9e+09 s. Expected: at most"),
    ("dispatch-inputs = {v = 1}", "dispatch-inputs is {'v': 1}. Expected: a table of strings, by the names"),
    ('publisher = "r/p.yml"', "publisher is 'r/p.yml'. Expected: owner/repository/workflow.yml@environment"),
    ('publisher = "o/r/p.yml@"', "publisher is 'o/r/p.yml@'. Expected: owner/repository/workflow.yml@environment"),
    ("project = 1", "project is 1. Expected: a string of one line"),
    ('project = "a b"', "project is 'a b'. Expected: a project name: letters, digits, and . _ - between them"),
    ('branch = " "', "branch is ' '. Expected: a string that is not blank"),
    ('tag-format = "v"', "tag-format is 'v'. Expected: a tag name that git allows, with {version} in it once"),
    ('tag-format = "v {version}"', "a tag name that git allows"),
    ('tag-format = "-{version}"', "a tag name that git allows"),
    ('tag-format = "{name}-{version}"', "a tag name that git allows"),
    ('tag-format = "v{version}.lock"', "a tag name that git allows"),
    ('fixture = "r.json"', "Expected: a path of a .json file with {version} in it once"),
    ('fixture = "../{version}.json"', "Expected: a path inside the repository"),
    ('fixture = ".git/{version}.json"', "Expected: a path inside the repository"),
    ('release-files = ["/etc/*"]', "Expected: a path inside the repository"),
    ('release-files = "VERSION"', "release-files is 'VERSION'. Expected: a list of strings"),
    ('pre-release = "it\'s"', "Expected: a command (it cannot be split: No closing quotation)"),
    ('pre-release = [""]', "Expected: commands that are not blank"),
    ("pre-release = [1]", "Expected: a command: a string, or a list of arguments"),
    ("pre-release = 1", "Expected: a list of commands"),
    ("test-timeout = true", "test-timeout is True. Expected: a number of seconds over 0"),
    ("test-timeout = 0", "Expected: a number of seconds over 0"),
    ("test-timeout = inf", "Expected: a number of seconds over 0"),
    ('test-timeout = "5m"', "Expected: a number of seconds over 0. Next: correct it under [tool.lockgate]"),
    ("migrations-chain = 1.5", "Expected: a whole number over 0"),
    ('workflow = "ci/publish.yml"', "Expected: the name of a .yml file in .github/workflows"),
    ('index = "ftp://x"', "Expected: an http or https URL without user and password"),
    ('rebuilt = "maybe"', "rebuilt is 'maybe'. Expected: one of refuse, report, auto"),
    ("rebuilt = []", "Expected: one of refuse, report, auto"),
    ('sign-tags = "yes"', "sign-tags is 'yes'. Expected: true or false"),
    ('checkpoints = "never"', "Expected: a table of migrations, tests, publisher, publish, each one of always, when"),
    ('checkpoints = {test = "never"}', "Expected: a table of migrations, tests, publisher, publish"),
    ('checkpoints = {tests = "sometimes"}', "Expected: a table of migrations, tests, publisher, publish"),
    ("checkpoints = {tests = []}", "Expected: a table of migrations, tests, publisher, publish"),
    ('tagformat = "v"', "tagformat under [tool.lockgate] is no setting. Expected: tag-format, perhaps."),
    ("test_timeout = 1", "test_timeout under [tool.lockgate] is no setting. Expected: test-timeout, perhaps."),
    ("zzz = 1", "zzz under [tool.lockgate] is no setting. Expected: one of project, branch, tag-format, "),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), BAD)
def test_a_value_that_does_not_fit_is_explained(line: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(line)
    assert len(caught.value.problems) == 1
    assert words in str(caught.value)


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        resolve('index = "https://user:s3cret@host/simple"')
    assert "index is 'https://***@host/simple'. Expected: an http or https URL without user and password" in str(
        caught.value
    )
    assert "s3cret" not in repr(caught.value.problems)


def test_all_problems_come_at_once() -> None:
    pyproject: dict[str, Any] = {"tool": {"lockgate": {"brunch": 1, "sign-tags": 2}}}
    with pytest.raises(SettingsError) as caught:
        resolve_settings(pyproject, default_branch="", tags=(), read=lambda _: None)
    assert [problem.seen for problem in caught.value.problems] == [
        "brunch under [tool.lockgate] is no setting",
        "sign-tags is 2",
        "pyproject.toml gives the project no name",
        "origin has no default branch",
        "nothing names the project's version",
    ]


@pytest.mark.parametrize("tool", [{"lockgate": 1}, {"lockgate": "x"}])
def test_the_table_must_be_a_table(tool: dict[str, object]) -> None:
    for pyproject in ({**tomllib.loads(PROJECT), "tool": tool}, {"tool": tool}):
        with pytest.raises(SettingsError, match=r"tool\.lockgate is .* Expected: a table"):
            resolve_settings(pyproject, default_branch="main", tags=(), read={"pyproject.toml": PROJECT}.get)


def test_poetry_names_the_project_too() -> None:
    poetry = '[build-system]\nbuild-backend = "poetry.core.masonry.api"\n[tool.poetry]\nname = "p"\nversion = "1"\n'
    assert resolve(project=poetry).project == "p"


def test_signed_approvals_need_a_file_of_signers() -> None:
    with pytest.raises(SettingsError, match=r"nothing says whose signatures count.*set allowed-signers under"):
        resolve("signed-approvals = true")
    assert resolve('signed-approvals = true\nallowed-signers = ".github/signers"').allowed_signers == ".github/signers"


def test_two_approvals_before_publishing_are_always_asked_for() -> None:
    table = 'approvals-before-publish = 2\ncheckpoints = {publish = "never"}'
    assert resolve(table).checkpoints["publish"] == "always"
    assert resolve("approvals-before-publish = 1").checkpoints["publish"] == "never"
