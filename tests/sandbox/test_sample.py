"""The sample package: every backend and version source is released, rebuilt by its workflow."""

from __future__ import annotations

import itertools

import pytest

from sandbox.sample import MODULES, SOURCES, write_sample
from sandbox.world import Sandbox

COMBINATIONS = [(backend, source) for source, backends in SOURCES.items() for backend in backends]
FAST = ("hatchling", "VERSION file")


@pytest.mark.parametrize(
    ("backend", "source"),
    [pytest.param(*one, marks=[] if one == FAST else pytest.mark.slow) for one in COMBINATIONS],
)
def test_sample_is_built_from_its_tag_and_published(tmp_path, clone, backend, source):
    repository = write_sample(tmp_path / "sample", backend, source, branch="trunk")
    with Sandbox.create(tmp_path / "world", repository, "example/lockgate-sample") as world:
        world.register_publisher(
            "lockgate-sample", owner="example", repository="lockgate-sample", workflow="publish.yml"
        )
        checkout = clone(world)
        bump(checkout, source)
        checkout.push("HEAD:refs/heads/trunk")
        checkout.tag("v1.1.0")
        world.wait_idle(180)
        assert world.runs[-1]["conclusion"] == "success", world.runs[-1]["jobs"][-1]["steps"]
        files = {path.name for path in (world.folder / "index/lockgate-sample").iterdir()}
        assert {"lockgate_sample-1.1.0.tar.gz", "lockgate_sample-1.1.0-py3-none-any.whl"} <= files


def bump(checkout, source: str) -> None:
    names = {"VERSION file": "VERSION", "static": "pyproject.toml", "python file": "src/lockgate_sample/__init__.py"}
    if source in names:
        text = (checkout.path / names[source]).read_text()
        checkout.commit(names[source], text.replace("1.0.0", "1.1.0"), "Release 1.1.0")


@pytest.mark.parametrize(
    ("backend", "source"), [one for one in itertools.product(MODULES, SOURCES) if one not in COMBINATIONS]
)
def test_version_sources_that_a_backend_does_not_have(tmp_path, backend, source):
    with pytest.raises(ValueError, match="has no version source"):
        write_sample(tmp_path / "sample", backend, source)


@pytest.mark.parametrize("trigger", ["tag", "release", "dispatch"])
def test_sample_workflow_is_a_good_one(tmp_path, trigger):
    import subprocess
    import sys
    from pathlib import Path

    repository = write_sample(
        tmp_path / "sample", trigger=trigger, upload="release assets" if trigger == "release" else "rebuild"
    )
    file = repository / ".github/workflows/publish.yml"
    tools = Path(sys.executable).parent
    schema = [str(tools / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(file)]
    audit = [str(tools / "zizmor"), "--offline", "--no-progress", str(file)]
    for command in (schema, audit):
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
