"""Released packages installed by real installers from a real server on this machine."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest

from clients.installation import install_release
from lockgate.errors import NotVisibleError, RefusedError, UnavailableError

WHEEL = "lockgate_sample-1.0-py3-none-any.whl"


@dataclass(frozen=True)
class Built:
    name: str
    sha256: str
    size: int


def wheel_bytes(version: str = "1.0", requires_python: str = ">=3.8") -> bytes:
    info = "lockgate_sample-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: lockgate-sample\nVersion: {version}\nRequires-Python: {requires_python}\n"
    files = {
        "lockgate_sample.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": metadata + "Requires-Dist: there-is-no-such-package\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for name, text in files.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Silent."""


class Index:
    """A folder served as an index: an HTML page of one project and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "simple" / "lockgate-sample").mkdir(parents=True)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/simple/"

    def publish(self, content: bytes, name: str = WHEEL, requires_python: str = ">=3.8") -> Built:
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / name).write_bytes(content)
        condition = requires_python.replace(">", "&gt;")
        link = f'<a href="/{name}#sha256={digest}" data-requires-python="{condition}">{name}</a>'
        page = self.folder / "simple" / "lockgate-sample" / "index.html"
        page.write_text(f"<!DOCTYPE html><html><body>{link}</body></html>")
        return Built(name, digest, len(content))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index")
    yield made
    made.http.shutdown()
    made.http.server_close()


Installer = Literal["uv", "pip"]
both = pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.slow)])


@both
def test_the_built_wheel_is_installed_without_its_dependencies(index: Index, installer: Installer) -> None:
    built = index.publish(wheel_bytes())
    done = install_release(index.url, "lockgate-sample", "1.0", [built], installer=installer)
    assert done.wheel == WHEEL
    assert "lockgate" in done.output


@both
def test_other_bytes_refuse(index: Index, installer: Installer) -> None:
    built = index.publish(wheel_bytes())
    with pytest.raises(RefusedError, match="other bytes for lockgate_sample"):
        install_release(index.url, "lockgate-sample", "1.0", [replace(built, sha256="0" * 64)], installer=installer)


@both
def test_a_version_that_installers_do_not_find_is_not_visible_yet(index: Index, installer: Installer) -> None:
    built = index.publish(wheel_bytes())
    newer = replace(built, name="lockgate_sample-2.0-py3-none-any.whl")
    with pytest.raises(NotVisibleError, match=r"does not find lockgate-sample 2\.0"):
        install_release(index.url, "lockgate-sample", "2.0", [newer], installer=installer)


@both
def test_a_project_that_installers_do_not_find_is_not_visible_yet(index: Index, installer: Installer) -> None:
    built = Built(WHEEL, "0" * 64, 1)
    with pytest.raises(NotVisibleError, match="does not find other"):
        install_release(index.url, "other", "1.0", [built], installer=installer)


@both
def test_another_place_that_has_it_is_not_asked(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Installer
) -> None:
    (tmp_path / WHEEL).write_bytes(wheel_bytes())
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path))
    built = Built(WHEEL, hashlib.sha256(wheel_bytes()).hexdigest(), 1)
    with pytest.raises(NotVisibleError):
        install_release(index.url, "lockgate-sample", "1.0", [built], installer=installer)


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_index_that_does_not_answer_is_transient(index: Index, installer: Installer) -> None:
    built = index.publish(wheel_bytes())
    index.http.shutdown()
    index.http.server_close()
    with pytest.raises(UnavailableError, match="did not answer an installer"):
        install_release(index.url, "lockgate-sample", "1.0", [built], installer=installer)


@both
def test_a_release_for_another_python_is_noted(index: Index, installer: Installer) -> None:
    built = index.publish(wheel_bytes(requires_python=">=3.99"), requires_python=">=3.99")
    done = install_release(index.url, "lockgate-sample", "1.0", [built], installer=installer)
    assert done.wheel is None
    assert "not for this machine's Python" in done.note


@pytest.mark.parametrize("name", ["lockgate_sample-1.0.tar.gz", "lockgate_sample-1.0-cp39-cp39-win_amd64.whl"])
def test_a_release_without_a_fitting_wheel_is_noted(name: str) -> None:
    done = install_release("http://127.0.0.1:1/simple/", "lockgate-sample", "1.0", [Built(name, "0" * 64, 1)])
    assert done.wheel is None
    assert "No wheel of this release fits" in done.note


def test_a_wheel_that_is_another_version_refuses(index: Index) -> None:
    built = index.publish(wheel_bytes(version="1.1"))
    with pytest.raises(RefusedError, match=r"1\.1"):
        install_release(index.url, "lockgate-sample", "1.0", [built])


def test_too_slow_an_installation_is_transient(index: Index) -> None:
    built = index.publish(wheel_bytes())
    with pytest.raises(UnavailableError, match="not done in time"):
        install_release(index.url, "lockgate-sample", "1.0", [built], timeout=0.01)
