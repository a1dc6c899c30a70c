"""`--sandbox DIR`: whose sandbox it is, and that nothing leads out of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cli.stand_ins import REAL, open_sandbox, use
from lockgate.errors import SettingsError
from sandbox.sample import write_sample


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample")


def test_nothing_of_the_real_world_stays_set(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*REAL, "GH_TOKEN", "LOCKGATE_HOME", "LOCKGATE_INDEX_URL", "PREFECT_HOME"):
        monkeypatch.setenv(name, "the real one")
    with open_sandbox(tmp_path / "new", str(sample), "") as sandbox:
        use(sandbox)
        assert "the real one" not in os.environ.values()
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "new" / "prefect")


def test_another_repository_or_name_is_refused(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new"
    with open_sandbox(folder, str(sample), "a/b"):
        pass
    other = write_sample(tmp_path / "other")
    with (
        pytest.raises(SettingsError, match=r"was made of .*sample, not of .*other"),
        open_sandbox(folder, str(other), ""),
    ):
        pass
    with pytest.raises(SettingsError, match="is a/b, not c/d"), open_sandbox(folder, str(sample), "c/d"):
        pass
    monkeypatch.chdir(other)
    for again in (str(sample), str(tmp_path), ""):
        with open_sandbox(folder, again, "a/b") as sandbox:
            assert sandbox.slug == "a/b"


def test_one_process_at_a_time(desk, tmp_path: Path) -> None:
    with open_sandbox(tmp_path / "new", str(desk.checkout), "a/b"):
        ended = desk.run("plan", "minor", "--sandbox", str(tmp_path / "new"))
        assert ended.code == 2
        assert "another process has the sandbox" in ended.out + ended.err
    assert desk.run("plan", "minor", "--sandbox", str(tmp_path / "new"), "--as", "a/b").code == 0


@pytest.mark.parametrize("bare", [False, True])
def test_tags_that_start_the_workflow_only_from_some_version_on_get_a_publisher(
    sample: Path, tmp_path: Path, bare: bool
) -> None:
    workflow = sample / ".github/workflows/publish.yml"
    workflow.write_text(workflow.read_text().replace('tags: ["v*"]', 'tags: ["v20*"]'))
    source = sample
    for words in (["commit", "--quiet", "-am", "Publish years only"], ["tag", "-a", "v2026.1", "-m", "Release"]):
        subprocess.run(["git", "-C", str(sample), *words], check=True, timeout=60)
    if bare:
        source = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", str(sample), str(source)], check=True, timeout=60)
    with open_sandbox(tmp_path / "new", str(source), "a/b") as sandbox:
        known = json.loads((sandbox.folder / "index" / "publishers.json").read_text())
        assert "publish.yml" in json.dumps(known)
