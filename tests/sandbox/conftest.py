"""Worlds, checkouts and small distributions for the tests of the sandbox."""

from __future__ import annotations

import base64
import gzip
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from sandbox.sample import write_sample
from sandbox.world import Sandbox

SLUG = "example/lockgate-sample"
PERSON = ("-c", "user.name=A", "-c", "user.email=a@example.com")


def metadata(name: str, version: str, extra: str = "") -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.11\n{extra}\n"


def wheel_bytes(name: str = "lockgate-sample", version: str = "1.1.0", extra: str = "", body: str = "") -> bytes:
    """A whole wheel made by hand, the same bytes for the same arguments."""
    stem = f"{name.replace('-', '_')}-{version}"
    module = f"{name.replace('-', '_')}/__init__.py"
    files = {
        module: f'__version__ = "{version}"\n{body}',
        f"{stem}.dist-info/METADATA": metadata(name, version, extra),
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{stem}.dist-info/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{stem}.dist-info/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def sdist_bytes(name: str = "lockgate-sample", version: str = "1.1.0", extra: str = "") -> bytes:
    """The smallest sdist that the index takes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        content = metadata(name, version, extra).encode()
        member = tarfile.TarInfo(f"{name.replace('-', '_')}-{version}/PKG-INFO")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def distributions(version: str = "1.1.0") -> dict[str, bytes]:
    stem = f"lockgate_sample-{version}"
    return {f"{stem}-py3-none-any.whl": wheel_bytes(version=version), f"{stem}.tar.gz": sdist_bytes(version=version)}


@dataclass(frozen=True)
class Checkout:
    """A maintainer's clone of origin."""

    world: Sandbox
    path: Path
    token: str

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "LC_ALL": "C", "GIT_CONFIG_GLOBAL": os.devnull}
        if self.token:
            value = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"http.{self.world.origin_url}.extraHeader"}
            environment |= {"GIT_CONFIG_VALUE_0": f"Authorization: basic {value}"}
        command = ["git", *PERSON, *arguments]
        folder = self.path if self.path.exists() else None
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=60)
        assert not check or result.returncode == 0, result.stderr
        return result

    def commit(self, name: str, text: str, message: str = "Change") -> str:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *refspecs: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.git("push", "--porcelain", "origin", *(refspecs or ("HEAD:refs/heads/main",)), check=check)

    def tag(self, name: str, *, push: bool = True) -> None:
        assets = (one for release in self.world.releases if release["tag_name"] == name for one in release["assets"])
        told = "\n".join(f"sha256 {one['digest'].removeprefix('sha256:')} {one['name']}" for one in assets)
        self.git("tag", "-a", name, "-m", f"Release {name}\n\n{told}")
        if push:
            self.push(f"refs/tags/{name}:refs/tags/{name}")


@dataclass(frozen=True)
class Api:
    """GitHub's REST API as a caller with the token."""

    world: Sandbox
    client: httpx.Client

    def release(self, tag: str, files: dict[str, bytes] | None = None, **fields: object) -> dict:
        reply = self.client.post("/releases", json={"tag_name": tag, "draft": True, **fields})
        assert reply.status_code == 201, reply.text
        for name, content in (files or {}).items():
            assert self.upload(reply.json(), name, content).status_code == 201
        return self.client.get(f"/releases/{reply.json()['id']}").json()

    def upload(self, release: dict, name: str, content: bytes) -> httpx.Response:
        address = release["upload_url"].split("{")[0]
        return self.client.post(
            address, params={"name": name}, content=content, headers={"content-type": "application/zip"}
        )

    def runs(self, **query: str) -> list[dict]:
        return self.client.get("/actions/workflows/publish.yml/runs", params=query).json()["workflow_runs"]

    def log(self, run_id: int) -> str:
        """All job logs of a run, one after the other."""
        reply = self.client.get(f"/actions/runs/{run_id}/logs")
        assert reply.status_code == 302, reply.text
        archive = zipfile.ZipFile(io.BytesIO(httpx.get(reply.headers["location"]).content))
        return "".join(archive.read(name).decode() for name in archive.namelist() if "/" not in name)


def api_of(world: Sandbox, token: str | None = None) -> Api:
    headers = {"Authorization": f"Bearer {world.token if token is None else token}"}
    client = httpx.Client(base_url=f"{world.api_url}/repos/{SLUG}", headers={} if token == "" else headers, timeout=30)
    return Api(world, client)


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """Makers of small distributions: wheel and sdist bytes, and both files of a version by name."""
    return SimpleNamespace(wheel=wheel_bytes, sdist=sdist_bytes, distributions=distributions)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's repository; its workflow publishes the release's own assets, so no test has to wait for a build."""
    return write_sample(tmp_path_factory.mktemp("sample"), upload="release assets")


def started(folder: Path, repository: Path) -> Sandbox:
    world = Sandbox.create(folder, repository, SLUG).start()
    world.set_delay(0)
    owner, name = SLUG.split("/")
    world.register_publisher(name, owner=owner, repository=name, workflow="publish.yml", environment="pypi")
    return world


@pytest.fixture
def world(tmp_path: Path, sample: Path) -> Iterator[Sandbox]:
    """A fresh sandbox; every request to it must have been a documented one."""
    with started(tmp_path / "world", sample) as sandbox:
        yield sandbox
        assert sandbox.problems == []


@pytest.fixture
def api(world: Sandbox) -> Iterator[Api]:
    api = api_of(world)
    with api.client:
        yield api


@pytest.fixture
def anonymous(world: Sandbox) -> Iterator[Api]:
    api = api_of(world, token="")
    with api.client:
        yield api


@pytest.fixture
def clone(tmp_path: Path) -> Callable[..., Checkout]:
    def make(world: Sandbox, name: str = "checkout", token: str | None = None) -> Checkout:
        checkout = Checkout(world, tmp_path / name, world.token if token is None else token)
        checkout.git("clone", "--quiet", world.origin_url, str(checkout.path))
        return checkout

    return make


@pytest.fixture
def checkout(world: Sandbox, clone: Callable[..., Checkout]) -> Checkout:
    return clone(world)


@pytest.fixture
def publish(world: Sandbox, api: Api, checkout: Checkout) -> Callable[..., dict]:
    """Release a version as Lockgate would: draft, assets, tag; answers the finished run."""

    def release(version: str = "1.1.0") -> dict:
        checkout.commit("VERSION", f"{version}\n", f"Release {version}")
        checkout.push()
        api.release(f"v{version}", distributions(version))
        checkout.tag(f"v{version}")
        world.wait_idle(60)
        return api.runs()[0]

    return release
