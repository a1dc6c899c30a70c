"""The repository is the one that it says, and people are who they are proved to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk import Desk

SLOW = pytest.mark.slow
NAME = "example/lockgate-sample"


def local_copy(desk: Desk, tmp_path: Path) -> str:
    """A repository on this machine that is called as the real one is."""
    copy = tmp_path / f"{NAME}.git"
    desk.git("clone", "--quiet", "--bare", desk.world.origin_url, str(copy), at=tmp_path)
    return f"file://{copy}"


def point_to_github(desk: Desk) -> None:
    """The environment of a release in earnest; nothing may ask it."""
    for name in ("GITHUB_SERVER_URL", "GITHUB_API_URL"):
        del desk.environ[name]


@pytest.mark.parametrize(
    "kind", ["a path", *(pytest.param(kind, marks=SLOW) for kind in ("another host", "another port", "a look-alike"))]
)
def test_a_repository_of_the_same_name_elsewhere_makes_nothing_on_github(desk: Desk, tmp_path: Path, kind: str) -> None:
    if kind == "a path":
        origin = local_copy(desk, tmp_path)
        point_to_github(desk)
    else:
        host = {"another host": "gitlab.test", "another port": "127.0.0.1:9", "a look-alike": "127.0.0.1.evil.test"}[
            kind
        ]
        origin = f"http://{host}/{NAME}.git"
    desk.git("remote", "set-url", "origin", origin)
    before = desk.seen()
    command = ["release", "minor", "--yes", "--tested", "here"] if kind == "another host" else ["plan", "minor"]
    ended = desk.run(*command, "--json")
    assert ended.code == 2, ended.err
    (refusal,) = ended.data["refusals"]
    assert "another one of the same name is another repository" in refusal["expected"]
    assert "LOCKGATE_MIRRORS" in refusal["next"]
    assert desk.seen() == before


def test_a_mirror_that_the_environment_names_is_the_repository(desk: Desk, tmp_path: Path) -> None:
    origin = local_copy(desk, tmp_path)
    desk.git("remote", "set-url", "origin", origin)
    desk.environ["LOCKGATE_MIRRORS"] = origin.removesuffix(f"{NAME}.git")
    ended = desk.run("plan", "minor", "--json")
    assert ended.data["version"] == "1.1.0", ended.err
