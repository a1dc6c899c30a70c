"""The repository is the one that it says, and people are who they are proved to be."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clients import signatures
from lockgate.approvals import Approval, Question
from lockgate.approvers import NAMESPACE
from lockgate.errors import RefusedError
from planning import record
from tests.acts import attempt, configure
from tests.desk import Desk
from tests.stages import Stage

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


def make_key(folder: Path, name: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True, timeout=60)
    return folder / name


def sign(question: Question, who: str, key: Path) -> Approval:
    """An approval of this question, as the form gives it."""
    signature = signatures.sign(question.fingerprint, key, NAMESPACE)
    return Approval(
        question.checkpoint, "approve", who, "", record.now(), question.fingerprint, "form", signature,
        evidence=question.evidence,
    )  # fmt: skip


def test_one_key_under_two_names_is_one_person(at: Callable[[str], Stage], tmp_path: Path) -> None:
    """A pattern of names, as in `*@example.org KEY`, makes several names of one key, and not several people."""
    stage, one, other = at("environment"), make_key(tmp_path, "one"), make_key(tmp_path, "other")
    signers = "".join(f"*@example.org {key.with_suffix('.pub').read_text()}" for key in (one, other))
    stage.sandbox.commit_to_main("signers", signers, "Say who may sign")
    configure(stage, 'signed-approvals = true\nallowed-signers = "signers"\napprovals-before-publish = 2')
    release = stage.open(version="1.1.0")
    question = attempt(stage, "environment", "1.1.0").question
    assert question is not None
    for who, key, count in (("ann@example.org", one, 1), ("bob@example.org", one, 1), ("bob@example.org", other, None)):
        record.save(release, record.kept(release).approved(sign(question, who, key)))
        with pytest.raises(RefusedError) as refusal:
            attempt(stage, "export", "1.1.0")
        said = f"{question.title!r} has {count} valid approvals"
        assert (said in str(refusal.value)) is (count is not None), f"after {who}"
        assert count is not None or f"{question.title!r} has" not in str(refusal.value)
    assert not stage.changes("pushed refs/tags")
