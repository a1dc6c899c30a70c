"""GitHub's stand-in around a repository with a workflow that tags start, and a server that answers from a script."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from lockgate.github import GitHub
from lockgate.secrets import Token
from sandbox.world import Sandbox

WORKFLOW = """\
name: Publish
on:
  push:
    tags: ["v*"]
  workflow_dispatch:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
  publish:
    needs: build
    environment: pypi
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""
IDLE_SECONDS = 60
PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def git(folder: Path, *words: str) -> str:
    command = ["git", *PERSON, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit on main."""
    folder = tmp_path_factory.mktemp("seed")
    git(folder, "init", "--quiet", "--initial-branch=main")
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "publish.yml").write_text(WORKFLOW)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Begin")
    return folder


@pytest.fixture(scope="session")
def running(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """One sandbox for all tests, and a copy of its state as it was when it began."""
    folder = tmp_path_factory.mktemp("forge")
    with Sandbox.create(folder / "state", seed, "octo/pkg") as sandbox:
        shutil.copytree(sandbox.folder, folder / "copy")
        yield sandbox, folder / "copy"


@pytest.fixture
def forge(running: tuple[Sandbox, Path]) -> Iterator[Sandbox]:
    """The sandbox as new; a test must not have asked it for anything that GitHub does not document."""
    sandbox, copy = running
    yield sandbox
    sandbox.faults.clear()
    let_runs_end(sandbox)
    asked = sandbox.problems
    for path in sandbox.folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(copy, sandbox.folder, dirs_exist_ok=True)
    assert asked == []


def let_runs_end(sandbox: Sandbox) -> None:
    """Cancel what waits for a reviewer, and wait until no run is executed any more."""
    sandbox.grant(actions="write")
    deadline = time.monotonic() + IDLE_SECONDS
    while waiting := [run for run in sandbox.runs if run["status"] != "completed"]:
        assert time.monotonic() < deadline, f"runs do not end: {waiting}"
        for run in waiting:
            address = f"{sandbox.api_url}/repos/{sandbox.slug}/actions/runs/{run['id']}/cancel"
            httpx.post(address, headers={"Authorization": f"Bearer {sandbox.token}"})
        time.sleep(0.02)
    sandbox.wait_idle(IDLE_SECONDS)


@pytest.fixture
def hub(forge: Sandbox) -> GitHub:
    """The repository, with a token that may do everything."""
    return GitHub(forge.api_url, forge.slug, Token(forge.token))


@pytest.fixture
def commit(seed: Path) -> str:
    """The head of main."""
    return git(seed, "rev-parse", "HEAD")


@pytest.fixture
def push_tag(forge: Sandbox, seed: Path) -> Callable[[str], None]:
    """A person pushes a tag of main's head."""

    def push(tag: str) -> None:
        url = forge.origin_url.replace("://", f"://x-access-token:{forge.token}@")
        git(seed, "push", "--quiet", url, f"HEAD:refs/tags/{tag}")

    return push


@pytest.fixture
def side_commit(forge: Sandbox, tmp_path: Path) -> str:
    """A commit on a branch beside main that adds a workflow file."""
    url = forge.origin_url.replace("://", f"://x-access-token:{forge.token}@")
    folder = tmp_path / "side"
    git(tmp_path, "clone", "--quiet", url, str(folder))
    (folder / ".github" / "workflows" / "more.yml").write_text("on: workflow_dispatch\njobs: {}\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Add a workflow")
    git(folder, "push", "--quiet", "origin", "HEAD:refs/heads/side")
    return git(folder, "rev-parse", "HEAD")


@dataclass
class Script:
    """What a server shall answer, by path, and what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        """Answer a path with JSON, or with text as it is."""
        content = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named, content.encode())


@pytest.fixture
def script() -> Iterator[Script]:
    """A server that says what no sandbox would: pages of a proxy, links to other hosts."""
    told = Script()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, content = told.answers.get(self.path.partition("?")[0], (404, {}, b"{}"))
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield told
        server.shutdown()


@pytest.fixture
def scripted_hub(script: Script) -> GitHub:
    """A repository at the scripted server, with a token."""
    return GitHub(script.url, "octo/pkg", Token("ghp_marker"))
