"""A file of the release that is exchanged between the tag and its download does not reach the index."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lockgate.errors import RefusedError
from lockgate.onboarding import publish_workflow
from lockgate.releases import tag_message
from lockgate.runs import RunFailedError
from planning import record
from sandbox.faults import Fault
from tests.acts import replace_in, wait
from tests.stages import ORDER, TAG, VERSION, Stage

Make = Callable[[str], Stage]
COMPARE = "sha256sum --check --strict ../digests"
TO_EXPORT = ORDER[: ORDER.index("export")]

# Answers as `gh api PATH --jq .A.B` does, from a file of answers.
GH = """#!PYTHON
import json, sys
value = json.load(open("ANSWERS"))[sys.argv[2]]
for name in sys.argv[4].strip(".").split("."):
    value = value[name]
print(value)
"""


def nothing(_dist: Path) -> None:
    """Exchange nothing."""


def on_index(stage: Stage) -> list[str]:
    return [path.name for path in (stage.folder / "sandbox" / "index").rglob("*") if f"-{VERSION}" in path.name]


def test_an_exchanged_asset_ends_the_publish_run_before_its_upload(at: Make) -> None:
    stage = at("export")
    stage.sandbox.faults.add(Fault("exchanged-asset", "github", f"download {TAG}"))
    stage.go_on(["export"])
    failure = wait(stage)
    assert isinstance(failure, RunFailedError)
    assert "Compare them with the digests" in str(failure)
    assert on_index(stage) == []


@pytest.mark.slow
def test_without_a_comparison_the_exchanged_bytes_go_out_and_step_10_tells(at: Make) -> None:
    stage = at("version")
    replace_in(stage, ".github/workflows/publish.yml", COMPARE, "true")
    stage.go_on(TO_EXPORT)
    stage.sandbox.faults.add(Fault("exchanged-asset", "github", f"download {TAG}"))
    stage.go_on(["export", "wait"])
    assert on_index(stage)
    with pytest.raises(RefusedError, match="sha256"):
        stage.go_on(["record"])


def test_the_tag_names_the_digests_that_were_built_and_tested(at: Make) -> None:
    stage = at("export")
    built = record.kept(stage.open()).artifacts
    stage.go_on(["export"])
    message = stage.git("cat-file", "tag", TAG).split("\n\n", 1)[1]
    assert message.strip() == tag_message(f"lockgate-sample {VERSION}", built)


@pytest.mark.parametrize(
    ("exchange", "code"),
    [
        (nothing, 0),
        (lambda dist: (dist / "pkg-1.0.tar.gz").write_bytes(b"other"), 1),
        (lambda dist: (dist / "pkg-1.0.post1.tar.gz").write_bytes(b"more"), 1),
        (lambda dist: (dist / "pkg-1.0.tar.gz").unlink(), 1),
    ],
    ids=["the same", "other bytes", "one more", "one less"],
)
def test_the_script_that_init_writes_refuses_other_files(
    tmp_path: Path, exchange: Callable[[Path], object], code: int
) -> None:
    assert compared(tmp_path, exchange, commit="c" * 40) == code


def test_the_script_that_init_writes_refuses_a_tag_of_another_commit(tmp_path: Path) -> None:
    assert compared(tmp_path, nothing, commit="d" * 40) == 1


def test_the_script_that_init_writes_refuses_a_tag_that_names_nothing(tmp_path: Path) -> None:
    assert compared(tmp_path, nothing, commit="c" * 40, message="Release 1.0") == 1


def compared(folder: Path, exchange: Callable[[Path], object], *, commit: str, message: str = "") -> int:
    """The exit code of the proposed workflow's comparing step, run by bash on two files after something was exchanged."""
    dist, programs = folder / "dist", folder / "bin"
    dist.mkdir()
    programs.mkdir()
    (dist / "pkg-1.0.tar.gz").write_bytes(b"the sdist")
    (dist / "pkg-1.0-py3-none-any.whl").write_bytes(b"the wheel")
    told = "\n".join(f"sha256 {hashlib.sha256(one.read_bytes()).hexdigest()} {one.name}" for one in dist.iterdir())
    answers = {
        "repos/o/r/git/ref/tags/v1.0": {"object": {"sha": "a" * 40}},
        f"repos/o/r/git/tags/{'a' * 40}": {"object": {"sha": commit}, "message": message or f"pkg 1.0\n\n{told}\n"},
    }
    (folder / "answers.json").write_text(json.dumps(answers))
    gh = programs / "gh"
    gh.write_text(GH.replace("PYTHON", sys.executable).replace("ANSWERS", str(folder / "answers.json")))
    gh.chmod(stat.S_IRWXU)
    exchange(dist)
    jobs = yaml.safe_load(publish_workflow("assets", tag_format="v{version}", environment="pypi"))["jobs"]
    (script,) = [step["run"] for step in jobs["collect"]["steps"] if "Compare" in step.get("name", "")]
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "GH_REPO": "o/r", "TAG": "v1.0", "GITHUB_SHA": "c" * 40}
    done = subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=environ, capture_output=True, timeout=60)
    return done.returncode
