"""What happens around a release in the tests: settings, other people's pushes, files on the index, reviewers, keys."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import httpx
import pytest

from lockgate.outcome import StepResult
from lockgate.runs import RunFailedError
from sandbox.sample import NAME
from tasks.actions import wait_for_publish
from tests.stages import TASKS, Stage

ANY = ".*"


def configure(stage: Stage, settings: str) -> None:
    """Push settings under [tool.lockgate] of the project; they take the place of earlier ones."""
    pyproject = stage.git("show", "main:pyproject.toml").partition("\n\n[tool.lockgate]\n")[0]
    stage.sandbox.commit_to_main(
        "pyproject.toml", f"{pyproject}\n\n[tool.lockgate]\n{settings}\n", "Configure the release"
    )


def replace_in(stage: Stage, path: str, old: str, new: str) -> None:
    """Push a change of a file on the release branch."""
    text = stage.git("show", f"main:{path}") + "\n"
    assert old in text, f"{path} holds no {old!r}"
    stage.sandbox.commit_to_main(path, text.replace(old, new), f"Change {path}")


def attempt(stage: Stage, key: str, version: str = "minor", home: str = "home") -> StepResult:
    """One attempt at a step, of a release that is opened anew."""
    result: StepResult = TASKS[key].fn(stage.open(home, version))
    return result


def wait(stage: Stage, *, rerun: bool = False) -> StepResult | RunFailedError:
    """Step 9; the failure of the run in place of its result."""
    try:
        result: StepResult = wait_for_publish.fn(stage.open(), rerun)
    except RunFailedError as failure:
        return failure
    return result


def publish_wheel(stage: Stage, version: str, *, yanked: bool | str = False, hidden_from: str = "") -> None:
    """Put a small wheel of the sample on the index, as somebody else."""
    stem = f"{NAME.replace('-', '_')}-{version}"
    path = stage.folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lockgate_sample/__init__.py", "")
        archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    stage.sandbox.publish_file(NAME, path, yanked=yanked, hidden_from=hidden_from)


def review(stage: Stage, run: int, environment: str = "pypi") -> None:
    """Approve what a run waits for, as its reviewer on GitHub."""
    headers = {"Authorization": f"Bearer {stage.sandbox.token}"}
    base = f"{stage.sandbox.api_url}/repos/{stage.sandbox.slug}"
    with httpx.Client(headers=headers, timeout=20) as client:
        number = client.get(f"{base}/environments/{environment}").raise_for_status().json()["id"]
        answer = {"environment_ids": [number], "state": "approved", "comment": ""}
        client.post(f"{base}/actions/runs/{run}/pending_deployments", json=answer).raise_for_status()


def make_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's SSH key for signing, in the person's configuration of git."""
    file = stage.folder / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    person = stage.folder / "gitconfig"
    person.write_text(
        f"[user]\n\tname = Ada\n\temail = ada@example.org\n\tsigningkey = {file}\n[gpg]\n\tformat = ssh\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(person))
    return file


def refs(stage: Stage, folder: Path | None = None) -> str:
    """Every ref of origin, or of a repository here, with what it names."""
    return stage.git("show-ref", "--head", folder=folder)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, git's own apart."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
