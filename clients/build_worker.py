"""Builds a project's sdist, and the wheel from that sdist, with PyPA's build.

Started by `clients.build` as a script of its own, never imported by other modules, so that the build has its own
environment variables and output, and ends with the process that asked. Argument: a JSON file {"source", "out",
"answer"}. What came of it is written to the file "answer", again at each stage, so that a killed build still tells how
far it was.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from build import BuildBackendException, BuildException, FailedProcessError, ProjectBuilder
from build.env import DefaultIsolatedEnv

NOTED = ("PIP_", "UV_")


class ProjectError(Exception):
    """The project's own sdist cannot be used."""


class RequirementsError(Exception):
    """The build requirements were not installed."""


def main(request: Path) -> int:
    """Carry out the request; exit code 0 when both files were built, 1 otherwise."""
    asked: dict[str, Any] = json.loads(request.read_text())
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s", force=True)
    os.umask(0o022)  # setuptools and pdm-backend put the files' modes into the archives
    _tell_environment()
    return _build(Path(asked["source"]), Path(asked["out"]), Path(asked["answer"]))


def _build(source: Path, out: Path, answer: Path) -> int:
    told: dict[str, Any] = {"stage": "requirements", "requirements": [], "why": ""}

    def tell(**news: Any) -> None:
        told.update(news)
        answer.write_text(json.dumps(told))

    try:
        sdist = _build_one("sdist", source, out, tell, told)
        with tempfile.TemporaryDirectory(prefix="from-sdist-") as folder:
            tell(stage="backend")
            wheel = _build_one("wheel", _unpack(sdist, Path(folder)), out, tell, told)
    except RequirementsError as err:
        tell(stage="requirements", why=str(err))
    except (BuildBackendException, BuildException, ProjectError) as err:
        tell(stage="backend", why=str(err))
    else:
        tell(stage="done", sdist=sdist.name, wheel=wheel.name)
        return 0
    print(told["why"], flush=True)
    return 1


def _build_one(
    kind: Literal["sdist", "wheel"], source: Path, out: Path, tell: Callable[..., None], told: dict[str, Any]
) -> Path:
    with _environment() as env:
        builder = ProjectBuilder.from_isolated_env(env, source)
        tell(stage="requirements")
        _install(env, builder.build_system_requires)
        tell(stage="backend")
        extra = builder.get_requires_for_build(kind)
        tell(stage="requirements")
        _install(env, extra)
        tell(stage="backend", requirements=sorted({*told["requirements"], *_installed(env)}))
        return Path(builder.build(kind, str(out)))


def _environment() -> DefaultIsolatedEnv:
    """An isolated environment made with uv; with pip where uv is not installed, several times slower."""
    try:
        import uv

        uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        return DefaultIsolatedEnv(installer="pip")
    return DefaultIsolatedEnv(installer="uv")


def _install(env: DefaultIsolatedEnv, requirements: Sequence[str] | set[str]) -> None:
    """Install with uv; what it cannot find, pip may: it reads pip.conf and PIP_* variables, which uv does not."""
    try:
        env.install(requirements)
    except (subprocess.CalledProcessError, FailedProcessError) as err:
        if env.installer != "uv":
            raise RequirementsError("The build requirements could not be installed") from err
        _install_with_pip(env, requirements)


def _install_with_pip(env: DefaultIsolatedEnv, requirements: Sequence[str] | set[str]) -> None:
    print("uv could not install the build requirements, trying pip", flush=True)
    pip = [sys.executable, "-Im", "pip", "--python", env.python_executable, "install", "--no-input", "--no-compile"]
    if subprocess.run([*pip, "--", *sorted(requirements)], check=False).returncode != 0:
        raise RequirementsError("The build requirements could not be installed, neither with uv nor with pip")


def _installed(env: DefaultIsolatedEnv) -> list[str]:
    """Everything in the isolated environment as name==version: the same again makes the same wheel again."""
    folders = [str(folder) for folder in Path(env.path).glob("lib*/python*/site-packages")]
    return [f"{found.name}=={found.version}" for found in importlib.metadata.distributions(path=folders)]


def _unpack(sdist: Path, folder: Path) -> Path:
    try:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as err:
        raise ProjectError(f"The sdist {sdist.name} cannot be unpacked: {err}") from err
    tops = sorted(folder.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        names = ", ".join(top.name for top in tops) or "nothing"
        raise ProjectError(f"The sdist {sdist.name} holds {names} at its top, not one folder")
    return tops[0]


def _tell_environment() -> None:
    """Log which variables have a say in what is installed; what misleads a build never reaches this process."""
    noted = ", ".join(sorted(name for name in os.environ if name.startswith(NOTED)))
    if noted:
        print(f"In effect for installing build requirements: {noted}", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
