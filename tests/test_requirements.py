"""The dependencies with their digests: the tested versions, and an installation that takes no other bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def entries() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and digests of each requirement."""
    joined = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    lines = [line for line in joined.split("\n") if line and not line.startswith("#")]
    found = {}
    for line in lines:
        requirement = Requirement(line.partition(" --hash")[0])
        found[canonicalize_name(requirement.name)] = (
            str(requirement.specifier).removeprefix("=="), tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)),
        )  # fmt: skip
    return found


def test_every_requirement_is_the_tested_version_and_has_its_digests() -> None:
    constrained = (line for line in (ROOT / "constraints.txt").read_text().split("\n") if "==" in line)
    tested = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in constrained)}
    found = entries()
    assert {"prefect", "httpx", "gitpython", "packaging", "build"} <= set(found)
    assert [
        name for name, (version, digests) in found.items() if not digests or tested.get(name, version) != version
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize("changed", [False, True], ids=["as it is", "one digest changed"])
def test_an_installation_takes_exactly_these_bytes(tmp_path: Path, changed: bool) -> None:
    """One requirement is enough to tell, and quicker than all of them."""
    (line,) = [
        one
        for one in (ROOT / "requirements.txt").read_text().replace("\\\n", " ").split("\n")
        if one.startswith("packaging==")
    ]
    text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", line) if changed else line
    (tmp_path / "one.txt").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--target", str(tmp_path / "there"),
         "--requirement", str(tmp_path / "one.txt")], capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (done.returncode == 0) is not changed, done.stderr
    assert (tmp_path / "there" / "packaging").is_dir() is not changed
