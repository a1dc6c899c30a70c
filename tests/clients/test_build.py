from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from clients.build import Built, build_artifacts, check_rendering, explain_installation, inspect_artifact, try_wheel
from clients.process import Completed
from lockgate.artifacts import check_artifacts, import_names
from lockgate.errors import RefusedError, UnavailableError

EPOCH = 1_700_000_000
BACKENDS = {
    "hatchling": ("hatchling", "hatchling.build", ""),
    "flit": ("flit_core>=3.12", "flit_core.buildapi", ""),
    "setuptools": ("setuptools>=77", "setuptools.build_meta", "[tool.setuptools]\npackages = ['sample_pkg']\n"),
    "poetry": ("poetry-core>=2", "poetry.core.masonry.api", ""),
    "uv_build": ("uv_build", "uv_build", "[tool.uv.build-backend]\nmodule-root = ''\n"),
}
MAY_BE_SLOW = [
    "hatchling",
    "flit",
    "setuptools",
    pytest.param("poetry", marks=pytest.mark.slow),
    pytest.param("uv_build", marks=pytest.mark.slow),
]


def write_project(
    folder: Path, backend: str = "flit", *, project: str = "", files: dict[str, str] | None = None
) -> Path:
    """A small package `sample-pkg` 1.2.0 with a script, built by the given backend."""
    requires, name, extra = BACKENDS[backend]
    texts = {
        "pyproject.toml": f"[build-system]\nrequires = ['{requires}']\nbuild-backend = '{name}'\n"
        "[project]\nname = 'sample-pkg'\nversion = '1.2.0'\ndescription = 'Sample'\nreadme = 'README.md'\n"
        f"requires-python = '>=3.9'\n{project}\n[project.scripts]\nsample = 'sample_pkg:main'\n{extra}",
        "README.md": "# Sample\n",
        "sample_pkg/__init__.py": "__version__ = '1.2.0'\n\ndef main() -> None: ...\n",
        **(files or {}),
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def build(source: Path, out: Path, **environment: str) -> Built:
    return build_artifacts(source, out, environment=environment, epoch=EPOCH)


@pytest.mark.parametrize("backend", MAY_BE_SLOW)
def test_each_backend_builds_what_passes_every_check(backend: str, tmp_path: Path) -> None:
    lines: list[str] = []
    source = write_project(tmp_path / "source", backend)
    built = build_artifacts(source, tmp_path / "out", environment={}, epoch=EPOCH, on_line=lines.append)
    paths = [tmp_path / "out" / artifact.name for artifact in built.artifacts]
    assert [artifact.kind for artifact in built.artifacts] == ["sdist", "wheel"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    contents = [inspect_artifact(path) for path in paths]
    assert [found.artifact for found in contents] == list(built.artifacts)
    assert check_artifacts(contents, "sample-pkg", Version("1.2.0")) == ()
    assert contents[1].entry_points == ("console_scripts: sample = sample_pkg:main",)
    assert check_rendering(paths) == ()
    assert import_names(contents[1]) == ("sample_pkg",)
    assert try_wheel(paths[1], ["sample_pkg"], Version("1.2.0"), project="sample-pkg") == ()
    name = BACKENDS[backend][0].split(">")[0].replace("_", "-")
    assert any(requirement.replace("_", "-").startswith(f"{name}==") for requirement in built.requirements)
    assert "\n".join(lines) == built.log.rstrip("\n")
    assert "Building wheel" in built.log


def test_the_same_commit_time_gives_the_same_bytes(tmp_path: Path) -> None:
    first = build(write_project(tmp_path / "a"), tmp_path / "out-a").artifacts
    old = write_project(tmp_path / "b")
    for path in old.rglob("*"):
        os.utime(path, (1, 1_600_000_000))
    assert build(old, tmp_path / "out-b").artifacts == first


@pytest.mark.slow
def test_a_c_extension_gets_a_platform_wheel_that_only_others_may_publish(tmp_path: Path) -> None:
    c = """
    #include <Python.h>
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", NULL, -1, NULL};
    PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
    """
    setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('sample_pkg._fast', ['fast.c'])])\n"
    source = write_project(tmp_path / "s", "setuptools", files={"fast.c": c, "setup.py": setup})
    built = build(source, tmp_path / "out")
    wheel = tmp_path / "out" / built.artifacts[1].name
    assert {tag.platform for tag in parse_wheel_filename(wheel.name)[3]} != {"any"}
    assert try_wheel(wheel, ["sample_pkg", "sample_pkg._fast"], Version("1.2.0"), project="sample-pkg") == ()
    contents = [inspect_artifact(tmp_path / "out" / artifact.name) for artifact in built.artifacts]
    problems = check_artifacts(contents, "sample-pkg", Version("1.2.0"))
    if sys.platform == "linux":
        assert "the index refuses plain linux tags" in str(problems[0])
    assert check_artifacts(contents, "sample-pkg", Version("1.2.0"), published=False) == ()


def local_backend(code: str) -> dict[str, str]:
    """A backend that needs nothing installed."""
    text = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    return {"pyproject.toml": text, "backend.py": code}


def test_a_failing_backend_is_refused_with_the_end_of_its_output(tmp_path: Path) -> None:
    code = "import sys\ndef build_sdist(*a):\n    print('first words')\n    sys.exit('the last words')\n"
    with pytest.raises(RefusedError) as caught:
        build(write_project(tmp_path / "s", files=local_backend(code)), tmp_path / "out")
    assert "Backend subprocess exited when trying to invoke build_sdist" in str(caught.value)
    assert "first words" in str(caught.value)
    assert "the last words" in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_broken_project_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"Failed to parse|pyproject.toml"):
        build(write_project(tmp_path / "s", files={"pyproject.toml": "[project\n"}), tmp_path / "out")


def test_a_build_that_does_not_end_is_refused(tmp_path: Path) -> None:
    code = "import time\ndef build_sdist(*a):\n    print('waiting', flush=True)\n    time.sleep(600)\n"
    source = write_project(tmp_path / "s", files=local_backend(code))
    with pytest.raises(RefusedError, match="The build was not finished after 4 s"):
        build_artifacts(source, tmp_path / "out", environment={}, epoch=EPOCH, timeout=4)


def test_the_build_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    code = """
import os, pathlib, time
def build_sdist(*a):
    pathlib.Path(os.environ["PID_FILE"] + ".part").write_text(str(os.getpid()))
    os.replace(os.environ["PID_FILE"] + ".part", os.environ["PID_FILE"])
    time.sleep(600)
"""
    source = write_project(tmp_path / "s", files=local_backend(code))
    asks = (
        "from pathlib import Path; from clients.build import build_artifacts; from lockgate.isolation import Rights; "
        f"build_artifacts(Path({str(source)!r}), Path({str(tmp_path / 'out')!r}), "
        f"environment={{'PID_FILE': {str(tmp_path / 'pid')!r}}}, epoch=1, rights=Rights('none'))"
    )
    caller = subprocess.Popen([sys.executable, "-c", asks], cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < deadline
        os.sched_yield()
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    stat = Path("/proc") / (tmp_path / "pid").read_text() / "stat"
    while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < deadline
        os.sched_yield()


ECHO = """
import io, json, os, tarfile, zipfile
def build_sdist(out, *a):
    print("SEEN " + json.dumps(dict(os.environ)))
    with tarfile.open(f"{out}/sample_pkg-1.2.0.tar.gz", "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py"):
            archive.add(name, f"sample_pkg-1.2.0/{name}")
    return "sample_pkg-1.2.0.tar.gz"
def build_wheel(out, *a):
    zipfile.ZipFile(f"{out}/sample_pkg-1.2.0-py3-none-any.whl", "w").close()
    return "sample_pkg-1.2.0-py3-none-any.whl"
"""


def test_the_backend_sees_no_secrets_and_nothing_that_misleads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GH_TOKEN", "PIP_TARGET", "PYTHONPATH", "SETUPTOOLS_SCM_PRETEND_VERSION", "PIP_TIMEOUT"):
        monkeypatch.setenv(name, "marker")
    asked = {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SAMPLE_PKG": "1.2.0"}
    built = build(write_project(tmp_path / "s", files=local_backend(ECHO)), tmp_path / "out", **asked)
    seen = json.loads(next(line for line in built.log.splitlines() if line.startswith("SEEN"))[5:])
    assert not {"GH_TOKEN", "PIP_TARGET", "SETUPTOOLS_SCM_PRETEND_VERSION"} & set(seen)
    assert seen["PYTHONPATH"] != "marker"
    assert seen["SOURCE_DATE_EPOCH"] == str(EPOCH)
    assert seen["SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SAMPLE_PKG"] == "1.2.0"
    assert "PIP_TIMEOUT" in built.log.split("In effect for installing build requirements:")[1].splitlines()[0]


def test_what_the_sdist_leaves_out_fails_the_wheel(tmp_path: Path) -> None:
    """The wheel is built from the sdist, not from the source next to it."""
    code = ECHO.replace('("pyproject.toml", "backend.py")', '("pyproject.toml",)')
    with pytest.raises(RefusedError, match=r"The build failed .*'backend'"):
        build(write_project(tmp_path / "s", files=local_backend(code)), tmp_path / "out")


def test_an_earlier_attempt_in_the_folder_does_no_harm(tmp_path: Path) -> None:
    source = write_project(tmp_path / "s", files=local_backend(ECHO))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sample_pkg-1.2.0.tar.gz").write_text("half")
    built = build(source, tmp_path / "out")
    assert built.artifacts[0].size == (tmp_path / "out" / "sample_pkg-1.2.0.tar.gz").stat().st_size > 4


UNREACHABLE = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
UNREACHABLE |= {
    "UV_NO_CACHE": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "0",
    "UV_HTTP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


def test_an_unreachable_index_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(UnavailableError, match="Installing the build requirements failed") as caught:
        build(write_project(tmp_path / "s"), tmp_path / "out", **UNREACHABLE)
    assert "trying pip" in str(caught.value)


@pytest.fixture
def empty_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An index that answers, and has nothing."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    pip = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    return {"UV_DEFAULT_INDEX": folder.as_uri(), "UV_NO_CACHE": "1", **pip}


def test_requirements_that_do_not_exist_are_refused(tmp_path: Path, empty_index: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="Installing the build requirements failed") as caught:
        build(write_project(tmp_path / "s"), tmp_path / "out", **empty_index)
    assert "No matching distribution found for flit_core" in str(caught.value)


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("error: Request failed\n Caused by: error sending request for url", UnavailableError),
        ("HTTP status server error (503 Service Unavailable) for url", UnavailableError),
        ("ERROR: 502 Server Error: Bad Gateway", UnavailableError),
        ("NewConnectionError\nERROR: No matching distribution found for x", UnavailableError),
        ("Because networkx was not found, No solution found when resolving", RefusedError),
        ("ERROR: ResolutionImpossible: for help visit", RefusedError),
        ("No solution found: x==1.429 is unknown", RefusedError),
        ("something new", UnavailableError),
    ],
)
def test_failed_installations_are_told_apart(output: str, error: type[Exception]) -> None:
    assert type(explain_installation("Installing", Completed(1, output, 1.0))) is error


def test_a_readme_that_does_not_render_is_a_problem(tmp_path: Path) -> None:
    source = write_project(tmp_path / "s", files={"README.rst": "Title\n==\n\n.. nosuch::\n"})
    text = (source / "pyproject.toml").read_text().replace("README.md", "README.rst")
    (source / "pyproject.toml").write_text(text)
    built = build(source, tmp_path / "out")
    problems = check_rendering([tmp_path / "out" / artifact.name for artifact in built.artifacts])
    assert len(problems) == 2
    assert 'Unknown directive type "nosuch"' in str(problems[0])
    assert problems[0].seen.startswith("twine check refuses sample_pkg-1.2.0.tar.gz:")


def write_wheel(folder: Path, files: dict[str, str], metadata: str = "") -> Path:
    """A wheel made by hand, version 1.2.0 of sample-pkg."""
    info = "sample_pkg-1.2.0.dist-info"
    texts = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: sample-pkg\nVersion: 1.2.0\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in texts) + f"{info}/RECORD,,\n"
    path = folder / "sample_pkg-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**texts, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def test_an_import_that_fails_is_reported_with_its_trace(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {"sample_pkg/__init__.py": "import a_missing_module\n"})
    (problem,) = try_wheel(wheel, ["sample_pkg"], Version("1.2.0"), project="sample-pkg")
    assert "`import sample_pkg` fails" in str(problem)
    assert "No module named 'a_missing_module'" in str(problem)


def test_another_version_inside_is_reported(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {"sample_pkg/__init__.py": "__version__ = '1.1.0'\n"})
    problems = try_wheel(wheel, ["sample_pkg"], Version("1.2.0"), project="sample-pkg")
    assert [problem.seen.split(": ")[1] for problem in problems] == ["sample_pkg.__version__ says '1.1.0'"]
    assert len(try_wheel(wheel, ["sample_pkg"], Version("1.3.0"), project="sample-pkg")) == 2


def test_an_import_that_does_not_end_or_dies_is_reported(tmp_path: Path) -> None:
    code = "import os\nos._exit(7)\n"
    wheel = write_wheel(tmp_path, {"sample_pkg/__init__.py": code, "hang.py": "import time\ntime.sleep(600)\n"})
    (problem,) = try_wheel(wheel, ["sample_pkg"], Version("1.2.0"), project="sample-pkg")
    assert "ended with exit code 7" in str(problem)
    (problem,) = try_wheel(wheel, ["hang"], Version("1.2.0"), project="sample-pkg", timeout=5)
    assert "did not end in time" in str(problem)


def test_a_dependency_that_does_not_exist_is_a_problem(
    tmp_path: Path, empty_index: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in empty_index.items():
        monkeypatch.setenv(name, value)
    wheel = write_wheel(tmp_path, {"sample_pkg/__init__.py": ""}, "Requires-Dist: no-such-thing-here>=1\n")
    (problem,) = try_wheel(wheel, ["sample_pkg"], Version("1.2.0"), project="sample-pkg")
    assert "No matching distribution found for no-such-thing-here" in str(problem)


def test_dependencies_that_cannot_be_downloaded_are_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    for name, value in UNREACHABLE.items():
        monkeypatch.setenv(name, value)
    wheel = write_wheel(tmp_path, {"sample_pkg/__init__.py": ""}, "Requires-Dist: no-such-thing-here>=1\n")
    with pytest.raises(UnavailableError, match=f"Installing {wheel.name} into a new environment failed"):
        try_wheel(wheel, ["sample_pkg"], Version("1.2.0"), project="sample-pkg")


@pytest.mark.parametrize("name", ["sample_pkg-1.2.0-py3-none-any.whl", "sample_pkg-1.2.0.tar.gz"])
def test_a_broken_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not an archive")
    with pytest.raises(RefusedError, match="cannot be read as a"):
        inspect_artifact(tmp_path / name)


def test_metadata_of_an_absurd_size_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sample_pkg-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sample_pkg-1.2.0.dist-info/METADATA", b"x" * (16 * 1024 * 1024 + 1))
    with pytest.raises(RefusedError, match="unpacks to 16777217 bytes"):
        inspect_artifact(path)


def test_an_sdist_is_read_without_unpacking_it(tmp_path: Path) -> None:
    """A member that points outside is listed as it is, and nothing is written."""
    path = tmp_path / "in" / "sample_pkg-1.2.0.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name in ("sample_pkg-1.2.0/PKG-INFO", "../outside"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"Name:"))
    contents = inspect_artifact(path)
    assert contents.metadata == "Name:"
    assert [file.name for file in contents.files] == ["sample_pkg-1.2.0/PKG-INFO", "../outside"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
