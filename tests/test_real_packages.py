"""Real packages of other people, each put into a new git repository and released by the real command into a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.world import Sandbox

ROOT = Path(__file__).parent.parent
CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
STORE = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
FETCH = "actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0"
PUBLISH = "pypa/gh-action-pypi-publish@ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e"
ON_TAG = "push:\n    branches: [main, master]\n    tags: ['v*', '[0-9]*']\n  pull_request:"
ON_RELEASE = "release:\n    types: [published]"
ONE_JOB = f"""name: Release
on:
  TRIGGER
jobs:
  pypi:
    if: github.event_name != 'pull_request' && !startsWith(github.ref, 'refs/heads/')
    runs-on: ubuntu-latest
    permissions:
      id-token: write
      contents: read
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
      - run: |
          pip install build
          python -m build
      - uses: {PUBLISH}
"""
SEVERAL_JOBS = f"""name: CD
on:
  TRIGGER
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
      - run: pipx run build
      - uses: {STORE}
        with:
          name: dist
          path: dist
  publish:
    needs: [build]
    if: github.event_name == 'release' || github.ref_type == 'tag'
    environment:
      name: release
      url: https://example.com/
    runs-on: ubuntu-latest
    permissions:
      id-token: write
    steps:
      - uses: {FETCH}
        with:
          name: dist
          path: dist
      - uses: {PUBLISH}
        with:
          attestations: true
"""
OWN = ""


@dataclass(frozen=True)
class Package:
    """A package as the index has it, and the repository that it is put into; without a workflow it brings its own."""

    name: str
    version: str
    released: str
    slug: str
    workflow: str
    file: str = "publish.yml"
    trigger: str = ON_TAG
    branch: str = "main"
    tag: str = "v{}"
    keep_metadata: bool = False

    def __str__(self) -> str:
        return self.name


PACKAGES = (
    # setuptools, an attribute
    Package("python-slugify", "9.2.0", "9.2.1", "un33k/python-slugify", ONE_JOB, "release.yaml"),
    # setuptools-scm, which writes a version file
    Package("iniconfig", "2.3.1", "2.3.2", "pytest-dev/iniconfig", SEVERAL_JOBS, "cd.yml", keep_metadata=True),
    # hatchling with a path, next to a committed PKG-INFO
    Package("colorama", "0.4.6", "0.4.7", "tartley/colorama", ONE_JOB, "python-publish.yml", ON_RELEASE, keep_metadata=True),
    # hatch-vcs
    Package("humanize", "4.17.0", "4.17.1", "python-humanize/humanize", SEVERAL_JOBS, "deploy.yml", tag="{}"),
    # flit; the module imports its __version__ from another one
    Package("idna", "3.20", "3.20.1", "kjd/idna", ONE_JOB, "deploy.yml", ON_RELEASE, branch="master"),
    # poetry-core, static
    Package("tomlkit", "0.15.2", "0.15.3", "python-poetry/tomlkit", SEVERAL_JOBS, "cd.yaml", ON_RELEASE, branch="trunk", tag="{}"),
    # uv_build, static
    Package("cachecontrol", "0.14.4", "0.14.5", "psf/cachecontrol", ONE_JOB, branch="stable"),
    # hatchling, static, with its own workflows: the publishing job is one of many of its ci.yml
    Package("typing-inspection", "0.4.5", "0.4.6", "pydantic/typing-inspection", OWN, "ci.yml"),
)  # fmt: skip


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the sdists, so that none is downloaded twice."""
    return tmp_path_factory.mktemp("downloads")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_real_package_is_released_and_installed(
    package: Package, downloads: Path, tmp_path: Path, prefect_api: str
) -> None:
    repository = put_into_git(package, download(package, downloads), tmp_path / "repository")
    command = ["release", "patch", "--repository", str(repository), "--sandbox", str(tmp_path / "sandbox")]
    command += ["--yes", "--tested", "the project's own CI"]
    report = tmp_path / "report.json"
    run([sys.executable, "-m", "cli.main", *command, "--report", str(report)], ROOT)
    told = json.loads(report.read_text(encoding="utf-8"))
    assert (told["exit_code"], told["version"]) == (0, package.released)
    assert told["tag"] == package.tag.format(package.released)
    assert [step["outcome"] for step in told["steps"]] == ["done", "not needed", *["done"] * 9]
    said = {step["key"]: step["evidence"] for step in told["steps"]}
    assert f".github/workflows/{package.file} publishes" in said["publisher"]
    assert f"as {package.slug}" in said["publisher"]
    assert {one["name"].split("-")[1].removesuffix(".tar.gz") for one in told["artifacts"]} == {package.released}
    with Sandbox.open(tmp_path / "sandbox") as sandbox:
        assert sandbox.problems == []
        assert installed_version(package.name, sandbox.index_url, tmp_path / "installed") == package.released
    assert git(repository, "status", "--porcelain") == "", "the given repository was changed"


def download(package: Package, folder: Path) -> Path:
    """The sdist, by pip."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", package.name]
    run([*pip, "--dest", str(folder), f"{package.name}=={package.version}"], folder)
    return next(folder.glob(f"{package.name.replace('-', '?')}-{package.version}.tar.gz"))


def put_into_git(package: Package, sdist: Path, folder: Path) -> Path:
    """A repository of what the sdist holds, with an earlier release's tag, the publish workflow and a later commit."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder.parent / "unpacked", filter="data")
    next((folder.parent / "unpacked").iterdir()).rename(folder)
    if not package.keep_metadata:
        (folder / "PKG-INFO").unlink()
        for made in folder.rglob("*.egg-info"):
            shutil.rmtree(made)
    if package.workflow != OWN:
        workflows = folder / ".github" / "workflows"
        shutil.rmtree(workflows, ignore_errors=True)
        workflows.mkdir(parents=True)
        (workflows / package.file).write_text(package.workflow.replace("TRIGGER", package.trigger), encoding="utf-8")
    git(folder, "init", "--quiet", f"--initial-branch={package.branch}")
    commit(folder, f"Release {package.version}")
    git(folder, "tag", "-a", package.tag.format(package.version), "-m", package.version)
    (folder / "LATER.txt").write_text("Something was done since.\n", encoding="utf-8")
    commit(folder, "Do something")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)


def git(folder: Path, *arguments: str) -> str:
    """Git as the maintainer calls it, without this machine's own settings."""
    who = ("-c", "user.name=Maintainer", "-c", "user.email=maintainer@example.com")
    return run(["git", *who, *arguments], folder, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")


def installed_version(name: str, index_url: str, folder: Path) -> str:
    """The version that pip installs from this index when no version is asked for."""
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-deps", "--no-cache-dir"]
    run([*pip, "--target", str(folder), "--index-url", index_url, name], folder.parent, PIP_FIND_LINKS="")
    code = "import sys; from importlib.metadata import distributions; print(*(d.version for d in distributions(path=sys.argv[1:])))"
    return run([sys.executable, "-c", code, str(folder)], folder.parent).strip()


def run(command: list[str], folder: Path, **variables: str) -> str:
    """The output of a command; fails with its words."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
