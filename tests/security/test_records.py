"""Records that others can write are reports: they are told, and nothing in them counts."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from clients import git as git_module
from clients.keys import Keys
from lockgate.approvals import Approval
from lockgate.errors import RefusedError
from lockgate.fixture import Fixture, StepTime, TestEvidence, is_complete, to_json
from planning import continuing, record, survey
from planning.proofs import is_own, prover_of
from planning.release import keys_of
from planning.undoing import look_for_traces
from tests.acts import attempt
from tests.desk import Desk, git
from tests.stages import FIXTURE, ORDER, SLUG, Stage

Make = Callable[[str], Stage]
TIME = "2026-01-01T00:00:00Z"


def invented(version: str = "1.1.0", commit: str = "a" * 40) -> Fixture:
    """A record that says yes to everything."""
    return Fixture(
        "lockgate-sample", version, SLUG, "main", f"v{version}", "lockgate 9", requested="minor", requested_by="mallory",
        release_commit=commit, restarts=99, tests=TestEvidence(commit, "command", "true", 0),
        approvals=(Approval("publish", "approve", "ada", "", TIME, "f" * 64, "form"),),
        steps=(StepTime("version", TIME, TIME), StepTime("tests", TIME, TIME)),
    )  # fmt: skip


def plant(desk: Desk, key: str, text: str) -> Path:
    """Write to the store as somebody who may, and has no key."""
    path = Path(desk.environ["LOCKGATE_HOME"]) / "store" / "records" / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_record_that_somebody_else_wrote_into_the_store_counts_for_nothing(desk: Desk) -> None:
    plant(desk, f"releases/{SLUG}/1.1.0.json", to_json(invented()))
    planned = desk.run("plan", "1.1.0", "--json")
    assert planned.data["continues"] is False
    (version,) = [one for one in planned.data["findings"] if one["step"] == "version"]
    assert any("1.1.0.json was not written by this installation" in one for one in version["warnings"])


def test_an_unfinished_release_of_somebody_else_gives_a_word_no_meaning(desk: Desk) -> None:
    plant(desk, f"releases/{SLUG}/99.0.0.json", to_json(replace(invented("99.0.0"), requested="minor")))
    assert desk.run("plan", "minor", "--json").data["version"] == "1.1.0"


def committed(stage: Stage, path: str = FIXTURE) -> str:
    """A fixture's text as origin has it."""
    return stage.git("show", f"main:{path}") + "\n"


def merge(desk: Desk, files: Mapping[str, str], message: str = "Merge a pull request") -> None:
    """Somebody's commit on origin's main."""
    for name, text in files.items():
        desk.world.commit_to_main(name, text, message)


def test_a_merged_record_with_invented_answers_is_asked_and_tested_anew(desk: Desk) -> None:
    """It says that 1.1.0 was approved and tested, and names the head of main as the release commit."""
    head = desk.git("ls-remote", "origin", "main").split()[0]

    merge(desk, {FIXTURE: to_json(invented(commit=head))})
    planned = desk.run("plan", "1.1.0", "--json")
    assert planned.data["continues"] is False
    assert "1.1.0.json on origin was recorded by somebody else" in json.dumps(planned.data)
    done = desk.run("release", "1.1.0", "--repository", desk.world.origin_url, "--yes", "--json")
    assert done.code == 1, "nobody said where the tests ran"
    assert "nothing says where the tests ran" in done.out
    ended = desk.run("release", "1.1.0", "--repository", desk.world.origin_url, "--yes", "--tested", "here", "--json")
    assert ended.code == 0, ended.err
    recorded = json.loads(git(desk.world.folder / "origin.git", desk.environ, "show", f"main:{FIXTURE}"))
    assert (recorded["restarts"], recorded["tests"]["source"]) == (0, "here")
    assert recorded["release_commit"] != head
    assert {one["approver"] for one in recorded["approvals"]} == {"ada"}


def test_a_merged_record_of_a_far_version_gives_a_word_no_meaning(desk: Desk) -> None:
    published = replace(invented("99.0.0"), index_files={"lockgate_sample-99.0.0.tar.gz": "0" * 64})
    begun = replace(invented("98.0.0"), requested="minor")
    merge(desk, {"releases/99.0.0.json": to_json(published), "releases/98.0.0.json": to_json(begun)})
    planned = desk.run("plan", "minor", "--json")
    assert (planned.data["version"], planned.code) == ("1.1.0", 0)


def test_a_signed_record_proves_no_other_release(at: Make) -> None:
    """The true record of 1.1.0 under another name, with one answer more, and in another project's repository."""
    stage = at("end")
    text = committed(stage)
    release = stage.open(version="1.2.0")
    prover = prover_of(release)
    assert prover.read(text) is not None
    assert replace(prover, repository="example/fork").read(text) is None
    assert replace(prover, project="another").read(text) is None
    assert replace(prover, keys=Keys((b"x" * 32,))).read(text) is None
    data = json.loads(text)
    for name, value in {"restarts": 1, "approvals": [], "version": "1.2.0", "index_files": {}}.items():
        assert prover.read(json.dumps({**data, name: value})) is None, name
    stage.sandbox.commit_to_main("releases/1.2.0.json", text, "Prepare the next release")
    assert record.find(stage.open(version="1.2.0"), survey.look_at_origin(release)) is None
    assert str(stage.open(version="minor").version) == "1.2.0"


@pytest.mark.parametrize("message", ["Take another version\n\nLockgate-Release: lockgate-sample 1.1.0\n"])
def test_the_trailer_exempts_nobody(at: Make, message: str) -> None:
    stage = at("export")
    stage.sandbox.commit_to_main("VERSION", "9.9.9\n", message)
    with pytest.raises(RefusedError, match="changed VERSION after the release commit"):
        attempt(stage, "export")


FORGED = "Take another version\n\nLockgate-Release: lockgate-sample 1.1.0\n"


def test_a_forged_trailer_hides_no_commit_of_others_from_a_start(at: Make) -> None:
    """It changes a release file only, as Lockgate's own commits do: the release begins anew with it."""
    stage = at("tests")
    theirs = stage.sandbox.commit_to_main("VERSION", "1.0.7\n", FORGED)
    release = stage.open(version="1.1.0")
    origin = survey.look_at_origin(release)
    found = continuing.others_since(release, origin, record.kept(release).release_commit)
    assert [one.sha for one in found] == [stage.git("rev-parse", "main")], theirs
    attempt(stage, "version")
    assert record.kept(stage.open(version="1.1.0")).restarts == 1


def test_a_forged_trailer_lets_the_way_back_revert_no_commit_of_others(at: Make) -> None:
    """Nor a release commit that somebody else's key signed."""
    stage = at("tests")
    made = record.kept(stage.open()).release_commit
    stage.sandbox.commit_to_main("VERSION", "1.0.7\n", FORGED)
    assert look_for_traces(stage.open(version="1.1.0")).commits == (made,)
    assert look_for_traces(stage.open("another", "1.1.0")).commits == ()


def test_a_record_beside_other_changes_makes_no_commit_ours(at: Make) -> None:
    """The release commit's own signed fixture, committed again together with something else."""
    stage = at("export")
    clone = stage.clone()
    (clone / "VERSION").write_text("9.9.9\n")
    (clone / FIXTURE).write_text(committed(stage).replace("\n}", "\n }"))
    stage.git("commit", "--quiet", "--all", "-m", "Tidy up\n\nLockgate-Release: x", folder=clone)
    stage.git("push", "--quiet", str(stage.folder / "sandbox" / "origin.git"), "HEAD:main", folder=clone)
    (one,) = git_module.commits_between(clone, "HEAD^", "HEAD")
    assert set(one.paths) == {"VERSION", FIXTURE}
    with pytest.raises(RefusedError, match=r"changed VERSION, releases/1\.1\.0\.json after the release commit"):
        attempt(stage, "export")


def test_an_unpushed_commit_with_our_trailer_is_not_pushed_for_anybody(desk: Desk) -> None:
    desk.write("src/lockgate_sample/__init__.py", "raise SystemExit('theirs')\n")
    desk.git("commit", "--quiet", "--all", "-m", "Update VERSION\n\nLockgate-Release: lockgate-sample 1.1.0")
    before = desk.git("ls-remote", "origin")
    ended = desk.run("release", "minor", "--yes", "--tested", "here", "--json")
    assert ended.code == 1
    assert "1 local commits that origin does not have" in ended.out
    assert desk.git("ls-remote", "origin") == before


def test_with_nothing_but_the_key_and_origin_the_release_goes_on_with_its_commit(at: Make) -> None:
    """Store and workspace are gone: the release commit proves itself, the answers and the tests are asked for anew."""
    stage = at("export")
    made = stage.record().release_commit
    for folder in ("store", "workspaces"):
        shutil.rmtree(stage.folder / "home" / folder)
    release = stage.open()
    assert str(release.version) == "1.1.0"
    found = record.load(release, survey.look_at_origin(release))
    assert (found.release_commit, found.tests) == (made, None)
    assert not [one for one in found.approvals if one.checkpoint != "migrations"]
    stage.go_on(ORDER)
    assert stage.subjects().count("Release lockgate-sample 1.1.0") == 1
    assert stage.fixture().release_commit == made


def test_with_another_key_nothing_on_origin_is_believed_and_a_new_release_commit_is_made(at: Make) -> None:
    stage = at("export")
    made = stage.record().release_commit
    release = stage.go_on(ORDER[: ORDER.index("tests")], home="another", version="1.1.0")
    found = record.kept(release)
    assert (found.tests, found.approvals) == (None, ())
    assert found.release_commit != made
    assert stage.git("rev-parse", f"{found.release_commit}^") == made


def test_once_the_tag_is_out_it_is_gone_on_with_by_any_key(at: Make) -> None:
    """The tag names commit and bytes; what people decided is asked anew, and the end is the same."""
    stage = at("wait")
    made = stage.record().release_commit
    release = stage.open("another", "1.1.0")
    found = record.load(release, survey.look_at_origin(release))
    assert (found.release_commit, found.tests, found.approvals, found.tag_pushed) == (made, None, (), False)
    stage.go_on(ORDER, home="another", version="1.1.0")
    ended = stage.fixture()
    assert (ended.release_commit, is_complete(ended)) == (made, True)
    assert stage.changes("pushed refs/tags/") == 1


def test_a_release_leaves_two_commits_and_each_proves_itself(at: Make) -> None:
    stage = at("end")
    release = stage.open(version="1.1.0")
    head = survey.look_at_origin(release).heads["main"]
    made = git_module.commits_between(release.workspace, "v1.0.0", head)
    made = tuple(one for one in made if "1.1.0" in one.subject)
    assert [one.subject for one in made] == [
        "Release lockgate-sample 1.1.0",
        "Record the release of lockgate-sample 1.1.0 [skip ci]",
    ]
    assert [is_own(release, release.workspace, one) for one in made] == [True, True]
    other = stage.open("another", "1.1.0")
    survey.look_at_origin(other)
    assert [is_own(other, other.workspace, one) for one in made] == [False, False]


def test_others_can_verify_a_record_with_the_public_key(at: Make) -> None:
    """With the envelope's own specification and a general library, without anything of ours."""
    stage = at("end")
    proof = json.loads(committed(stage))["proof"]
    payload = base64.b64decode(proof["payload"])
    (public,) = keys_of(stage.environ()).public_keys
    kind = proof["payloadType"]
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    key = load_pem_public_key(public.pem.encode())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(base64.b64decode(proof["signatures"][0]["sig"]), signed)
    said = json.loads(payload)
    assert (said["_type"], proof["signatures"][0]["keyid"]) == ("https://in-toto.io/Statement/v1", public.id)
    fixture = stage.fixture()
    digests = {one["name"]: one["digest"] for one in said["subject"]}
    assert {one.name: {"sha256": one.sha256} for one in fixture.artifacts}.items() <= digests.items()
    assert {"gitCommit": fixture.release_commit} in digests.values()
    assert {"repository", "project", "version", "index", "settings", "approvals", "time"} <= set(said["predicate"])
