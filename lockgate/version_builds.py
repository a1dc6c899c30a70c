"""What a build must be told, so that it makes what the publish workflow makes of the same tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate.errors import Problem, SettingsError
from lockgate.version_sources import VersionSource, untold


def build_environment(source: VersionSource, project: str, version: Version) -> dict[str, str]:
    """What tells the build which version it makes where there is no tag to read; nothing for other sources.

    Raises SettingsError for versioningit, which cannot be told. Sources: the documentation of setuptools-scm
    ("overrides"), pdm-backend ("metadata"), poetry-dynamic-versioning and uv-dynamic-versioning (README).
    """
    if source.kind != "scm":
        return {}
    if source.key == "versioningit":
        raise SettingsError(untold("versioningit"))
    if source.key == "hatch-vcs":
        # It asks setuptools-scm without naming the project, so only the name for any project reaches it.
        return {"SETUPTOOLS_SCM_PRETEND_VERSION": str(version)}
    dist = canonicalize_name(project).replace("-", "_").upper()
    names = {
        "pdm-backend": "PDM_BUILD_SCM_VERSION",
        "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
        "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
    }
    return {names.get(source.key, f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{dist}"): str(version)}


def built_elsewhere(source: VersionSource, altered: Sequence[str]) -> tuple[Problem, ...]:
    """What would give another version when the publish workflow builds the tag itself; `altered`: what a build changes.

    setuptools-scm asks git twice in a build. A committed file that the first time changes makes the second one dirty, and
    the version local ("distance and clean state" in its documentation): the index refuses that, after the tag is out.
    """
    if source.key != "setuptools-scm" or not altered:
        return ()
    seen = f"building changes {', '.join(altered)}, so the publish workflow would build a local version (1.0+d20260101)"
    advice = "`git rm --cached` what a build writes and add it to .gitignore; it is part of the sdist all the same"
    return (Problem(seen, "a build that leaves every committed file as it is", advice),)


def takes_commit_date(pyproject: Mapping[str, Any], workflow: str) -> bool:
    """Whether a build is to get the commit's time as SOURCE_DATE_EPOCH; `workflow` is the publish workflow's text.

    Not where the workflow sets none and the backend has fixed dates of its own: only without it are both builds the same,
    byte for byte. Tried with hatchling, poetry-core and uv_build; the README of hynek/build-and-inspect-python-package
    says that it sets it.
    """
    system = pyproject.get("build-system")
    backend = str(system.get("build-backend", "")) if isinstance(system, Mapping) else ""
    sets_it = "SOURCE_DATE_EPOCH" in workflow or "hynek/build-and-inspect-python-package" in workflow
    return sets_it or not backend.startswith(("hatchling", "poetry", "uv_build"))
