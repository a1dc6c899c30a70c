"""A project that commits the version file which every build writes anew."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lockgate.errors import RefusedError
from lockgate.request import Request
from planning.opening import open_release
from sandbox.sample import write_sample
from sandbox.world import Sandbox
from tasks.dist import build_release
from tasks.git import check_version, execute_pre_release

GENERATED = "src/lockgate_sample/_version.py"


def git(folder: Path, *arguments: str) -> None:
    role = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(folder), *role, *arguments], check=True, capture_output=True, timeout=60)


@pytest.mark.slow
def test_the_release_stops_before_its_tag_instead_of_in_the_publish_workflow(tmp_path: Path) -> None:
    source = write_sample(tmp_path / "source", "setuptools", "scm")
    pyproject = source / "pyproject.toml"
    pyproject.write_text(f'{pyproject.read_text()}\nversion_file = "{GENERATED}"\n')
    (source / GENERATED).write_text('version = "1.0.0"\n')
    git(source, "add", "--all")
    git(source, "commit", "-qm", "Commit what the build writes")
    with Sandbox.create(tmp_path / "sandbox", source, "example/lockgate-sample") as sandbox:
        environ = {**os.environ, **sandbox.environment, "LOCKGATE_HOME": str(tmp_path / "home")}
        release = open_release(Request(sandbox.origin_url, "patch"), environ)
        check_version.fn(release)
        execute_pre_release.fn(release)
        with pytest.raises(RefusedError) as caught:
            build_release.fn(release)
    assert f"building changes {GENERATED}, so the publish workflow would build a local version" in str(caught.value)
    assert "`git rm --cached` what a build writes and add it to .gitignore" in str(caught.value)
