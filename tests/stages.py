"""A release before each of its steps: made once by going through them, copied for every test that begins there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clients import git_workspace
from flows.checkpoints import approve
from lockgate.errors import TransientError
from lockgate.fixture import Fixture, from_json
from lockgate.outcome import StepResult
from lockgate.request import Request
from lockgate.steps import FINISH, STEPS, step
from planning.opening import open_release
from planning.record import kept
from planning.release import Release
from sandbox.sample import NAME, Trigger, write_sample
from sandbox.world import Sandbox
from tasks import actions, dist, ends, git, github, pypi
from tasks.work import Work

SLUG = f"example/{NAME}"
VERSION = "1.1.0"
TAG = f"v{VERSION}"
FIXTURE = f"releases/{VERSION}.json"
RUNS_SECONDS = 60.0
ORDER = (*(one.key for one in STEPS), FINISH.key)
TASKS = {
    "version": git.check_version,
    "migrations": git.review_migrations,
    "pre-release": git.execute_pre_release,
    "artifacts": dist.build_release,
    "tests": dist.complete_tests,
    "publisher": pypi.confirm_publisher,
    "environment": github.verify_environment,
    "export": github.export_and_tag,
    "wait": actions.wait_for_publish,
    "record": pypi.record_publication,
    "logs": actions.capture_logs,
    "finish": ends.finish_release,
}


def run_step(release: Release, key: str) -> StepResult:
    """Run a step as the flow does: transient errors are tried again, and its question is answered with yes."""
    for _ in range(step(key).retries):
        try:
            result = TASKS[key].fn(release)
            break
        except TransientError:
            continue
    else:
        result = TASKS[key].fn(release)
    approve(release, result.question)
    return result


class Stage:
    """A sandbox, a home and a release that stands before a step; a context manager, like the sandbox in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sandbox = Sandbox.open(folder / "sandbox")

    def __enter__(self) -> Self:
        self.sandbox.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.close()

    def environ(self, home: str = "home", **more: str) -> dict[str, str]:
        """The environment of a release here; `home` names the folder of the machine that it runs on."""
        own = {"LOCKGATE_HOME": str(self.folder / home)}
        return {**os.environ, **self.sandbox.environment, **own, **more}

    def request(self, version: str = "minor", repository: str = "") -> Request:
        """The request that every start repeats."""
        origin = repository or self.sandbox.origin_url
        return Request(origin, version, requested_by="Ada", approve_all=True, tested="the night build")

    def open(self, home: str = "home", version: str = "minor", repository: str = "") -> Release:
        """The release, opened anew, as the next start does."""
        return open_release(self.request(version, repository), self.environ(home))

    def work(self, key: str) -> Work:
        """A new attempt at a step."""
        return Work(self.open(), key)

    def go_on(self, keys: Sequence[str], home: str = "home", version: str = "minor") -> Release:
        """Go through these steps."""
        release = self.open(home, version)
        for key in keys:
            run_step(release, key)
            self.sandbox.wait_idle(RUNS_SECONDS)
        return release

    def clone(self) -> Path:
        """A person's checkout of origin."""
        path = self.folder / "checkout"
        subprocess.run(
            ["git", "clone", "--quiet", self.sandbox.origin_url, str(path)], check=True, capture_output=True, timeout=60
        )
        for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
            self.git("config", name, value, folder=path)
        return path

    def git(self, *words: str, folder: Path | None = None) -> str:
        """The output of git in a folder; without one in origin itself."""
        command = ["git", "-C", str(folder or self.folder / "sandbox" / "origin.git"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def changes(self, pattern: str) -> int:
        """How many outside changes so far were of this kind (a pattern on `service METHOD path what`)."""
        lines = [f"{one['service']} {one['method']} {one['path']} {one['what']}" for one in self.sandbox.journal]
        return sum(1 for line in lines if re.search(pattern, line))

    def subjects(self) -> list[str]:
        """The subjects of the release branch's commits, oldest first."""
        return self.git("log", "--reverse", "--format=%s", "main").splitlines()

    def record(self, home: str = "home") -> Fixture:
        """The live record, as the store has it."""
        return kept(self.open(home, VERSION))

    def fixture(self) -> Fixture:
        """The fixture as origin has it."""
        return from_json(self.git("show", f"main:{FIXTURE}") + "\n")

    def fixture_data(self) -> dict[str, Any]:
        """The fixture's JSON as origin has it."""
        data: dict[str, Any] = json.loads(self.git("show", f"main:{FIXTURE}"))
        return data


class Stages:
    """The snapshots: one release goes as far as a test asks for, and is kept before each step and at the end."""

    def __init__(self, folder: Path, trigger: Trigger = "dispatch") -> None:
        self._folder = folder
        source = write_sample(folder / "sample", trigger=trigger, upload="release assets")
        sandbox = Sandbox.create(folder / "now" / "sandbox", source, SLUG)
        owner, _, name = SLUG.partition("/")
        sandbox.register_publisher(NAME, owner=owner, repository=name, workflow="publish.yml", environment="pypi")
        sandbox.set_delay(0)
        self._reached = 0
        self._keep(ORDER[0])

    def copy(self, key: str, folder: Path) -> Stage:
        """A copy of the release as it stood before a step (`end`: when all was done), not started."""
        wanted = len(ORDER) if key == "end" else ORDER.index(key)
        if self._reached < wanted:
            self._advance(wanted)
        return self._copy(key, folder)

    def derive(self, name: str, key: str, folder: Path, act: Callable[[Stage], object]) -> Stage:
        """A copy of a snapshot in which something more was done; done once, and kept under a name."""
        if not (self._folder / name).exists():
            shutil.rmtree(self._folder / f"{name}.making", ignore_errors=True)
            with self.copy(key, self._folder / f"{name}.making") as stage:
                act(stage)
            stage.folder.rename(self._folder / name)
        return self._copy(name, folder)

    def _copy(self, name: str, folder: Path) -> Stage:
        shutil.copytree(self._folder / name, folder, symlinks=True)
        for workspace in (folder / "home" / "workspaces").glob("*/.git"):
            git_workspace.claim(workspace.parent)
        return Stage(folder)

    def _advance(self, wanted: int) -> None:
        with Stage(self._folder / "now") as stage:
            for number in range(self._reached, wanted):
                stage.go_on([ORDER[number]])
                self._reached = number + 1
                self._keep((*ORDER, "end")[number + 1])

    def _keep(self, key: str) -> None:
        shutil.copytree(self._folder / "now", self._folder / key, symlinks=True)
