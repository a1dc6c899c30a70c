from __future__ import annotations

import pytest
from packaging.version import Version

from lockgate.errors import SettingsError
from lockgate.version_builds import build_environment, built_elsewhere, takes_commit_date
from lockgate.version_sources import WHOLE_FILE, VersionSource

WHOLE = VersionSource("file", "VERSION", WHOLE_FILE, "")


@pytest.mark.parametrize(
    ("tool", "wanted"),
    [
        ("setuptools-scm", {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_PKG": "1.0rc1"}),
        ("flit-scm", {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_PKG": "1.0rc1"}),
        ("hatch-vcs", {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.0rc1"}),
        ("pdm-backend", {"PDM_BUILD_SCM_VERSION": "1.0rc1"}),
        ("poetry-dynamic-versioning", {"POETRY_DYNAMIC_VERSIONING_BYPASS": "1.0rc1"}),
        ("uv-dynamic-versioning", {"UV_DYNAMIC_VERSIONING_BYPASS": "1.0rc1"}),
    ],
)
def test_the_build_is_told_the_version(tool: str, wanted: dict[str, str]) -> None:
    assert build_environment(VersionSource("scm", "", tool, ""), "My.pkg", Version("1.0rc1")) == wanted


def test_a_build_from_files_needs_no_telling() -> None:
    assert build_environment(WHOLE, "p", Version("1.0")) == {}


def test_versioningit_cannot_be_told() -> None:
    with pytest.raises(SettingsError, match="versioningit computes the version from git and cannot be told one"):
        build_environment(VersionSource("scm", "", "versioningit", ""), "p", Version("1.0"))


@pytest.mark.parametrize(
    ("tool", "altered", "refused"),
    [("setuptools-scm", ("a.py",), True), ("setuptools-scm", (), False), ("hatch-vcs", ("a.py",), False)],
)
def test_a_build_that_dirties_its_own_checkout_is_refused_where_git_is_asked_twice(
    tool: str, altered: tuple[str, ...], refused: bool
) -> None:
    problems = built_elsewhere(VersionSource("scm", "", tool, ""), altered)
    assert ["a.py, so the publish workflow would build a local version" in one.seen for one in problems] == [
        True
    ] * refused


@pytest.mark.parametrize(
    ("backend", "workflow", "takes"),
    [
        ("hatchling.build", "python -m build", False),
        ("poetry.core.masonry.api", "", False),
        ("uv_build", "", False),
        ("hatchling.build", "export SOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct)", True),
        ("hatchling.build", "uses: hynek/build-and-inspect-python-package@v2", True),
        ("flit_core.buildapi", "", True),
        ("setuptools.build_meta", "", True),
    ],
)
def test_the_build_is_dated_as_the_publish_workflow_dates_its_own(backend: str, workflow: str, takes: bool) -> None:
    assert takes_commit_date({"build-system": {"build-backend": backend}}, workflow) is takes


def test_without_a_build_system_setuptools_builds_and_takes_the_date() -> None:
    assert takes_commit_date({}, "")
