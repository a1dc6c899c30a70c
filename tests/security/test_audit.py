"""The log of a release can be verified, and what somebody changed in it, in the record or on origin is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clients import signatures
from lockgate import audit
from lockgate.approvals import Approval, fingerprint_of
from lockgate.approvers import NAMESPACE
from planning import record, survey
from planning.auditing import look
from planning.release import keys_of
from tests.acts import configure, make_key
from tests.desk import COMMAND, ROOT, Ended
from tests.stages import FIXTURE, ORDER, SLUG, VERSION, Stage

Make = Callable[[str], Stage]
LOG = f"audit/{SLUG}/{VERSION}"


def run_audit(stage: Stage, *words: str, home: str = "home") -> Ended:
    """The real command, for origin's address."""
    done = subprocess.run(
        [*COMMAND, "audit", *words, "--repository", stage.sandbox.origin_url], cwd=stage.folder, text=True,
        env=stage.environ(home, PYTHONPATH=str(ROOT), COLUMNS="200"), capture_output=True, timeout=240,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def failed(ended: Ended) -> str:
    """What did not verify, as the command tells a script."""
    return "\n".join(f"{one['what']}: {one['seen']}" for one in ended.data["checks"] if not one["holds"])


def file_of(stage: Stage, key: str) -> Path:
    """Where a record is in the store."""
    return stage.folder / "home" / "store" / "records" / f"{key}.json"


def rewrite(stage: Stage, change: Callable[[list[str]], None]) -> None:
    """Change the lines of the log, below its seal, as somebody who may write to the store and has no key."""
    lines = file_of(stage, LOG).read_text().split("\n")
    entries = lines[1:-1]
    change(entries)
    file_of(stage, LOG).write_text("\n".join([lines[0], *entries, ""]))


def test_a_release_is_told_from_who_asked_to_its_end_and_verifies(at: Make) -> None:
    stage = at("end")
    ended = run_audit(stage, VERSION, "--json")
    assert (ended.code, ended.data["exit_code"], failed(ended)) == (0, 0, "")
    told = [one["event"] for one in ended.data["log"]]
    assert {(one["what"], one["who"]) for one in told} >= {("asks", "Ada"), ("starts", "Ada"), ("answers", "Ada")}
    assert [one["details"]["step"] for one in told if one["what"] == "step done"] == list(ORDER[:-1])
    kinds = {one["what"] for one in told}
    assert kinds >= {
        "begins from",
        "release commit",
        "built",
        "tests",
        "pushes the tag",
        "publish run",
        "published",
        "logs kept",
    }
    (start,) = [one["details"] for one in told if one["what"] == "starts"]
    assert (start["words"], start["every checkpoint"], start["tested"]) == ("minor", "yes", "the night build")
    (begun,) = [one["details"] for one in told if one["what"] == "begins from"]
    assert begun["previous version"] == "1.0.0"
    answers = [one["details"] for one in told if one["what"] == "answers"]
    assert {one["checkpoint"] for one in answers} == {"tests", "publisher"}
    assert all(one["fingerprint"] and one["evidence commit"] for one in answers)
    said = run_audit(stage, VERSION)
    assert said.code == 0
    assert "signed by this installation" in said.out


CHANGES: dict[str, Callable[[list[str]], None]] = {
    "changed": lambda lines: lines.__setitem__(3, lines[3].replace('"who":""', '"who":"mallory"').replace("a", "b", 1)),
    "removed": lambda lines: lines.__delitem__(3),
    "moved": lambda lines: lines.insert(1, lines.pop(3)),
    "cut off": lambda lines: lines.__delitem__(slice(-2, None)),
    "no entry": lambda lines: lines.__setitem__(3, "[" * 5000),
}


def test_an_entry_that_somebody_changed_removed_moved_or_cut_off_is_named(at: Make) -> None:
    stage = at("end")
    release = stage.open(version=VERSION)
    origin = survey.look_at_origin(release)
    kept = file_of(stage, LOG).read_text()
    for name, change in CHANGES.items():
        file_of(stage, LOG).write_text(kept)
        rewrite(stage, change)
        found = {one.what: one for one in look(release, origin).checks if not one.holds}
        assert f"the seal of {LOG} in the store" in found, name
        if name == "cut off":
            assert "step done logs" in found["the log against the record"].seen
        else:
            assert "does not follow the one before" in found["the log's chain"].seen, name
    ended = run_audit(stage, VERSION)
    assert ended.code == 1
    assert f"the seal of {LOG} in the store: it was not written by this installation" in " ".join(ended.out.split())


def test_a_log_of_another_release_or_none_at_all_is_not_this_ones(at: Make) -> None:
    stage = at("end")
    shutil.copy(file_of(stage, LOG), file_of(stage, f"audit/{SLUG}/1.2.0"))
    assert stage.open().store.read_record(f"audit/{SLUG}/1.2.0") is None
    file_of(stage, LOG).unlink()
    ended = run_audit(stage, VERSION, "--json")
    assert ended.code == 1
    assert "the log lacks: asks Ada" in failed(ended)


@pytest.mark.slow
def test_what_replaces_a_foreign_log_says_so_for_ever(at: Make) -> None:
    stage = at("wait")
    rewrite(stage, lambda lines: lines.__delitem__(3))
    stage.go_on(ORDER[ORDER.index("wait") :])
    ended = run_audit(stage, VERSION, "--json")
    assert ended.code == 1
    assert "somebody else's log was in its place" in failed(ended)


def test_a_fixture_that_was_changed_on_origin_is_named(at: Make) -> None:
    stage = at("end")
    data = json.loads(stage.git("show", f"main:{FIXTURE}"))
    data["approvals"][0]["approver"] = "grace"
    stage.sandbox.commit_to_main(FIXTURE, json.dumps(data), "Tidy up")
    ended = run_audit(stage, VERSION, "--json")
    assert ended.code == 1
    assert f"the envelope of {FIXTURE} on origin: not signed by this installation as it stands there" in failed(ended)


def test_an_older_record_of_this_installation_in_place_of_the_newer_one_is_named(at: Make) -> None:
    """Its seal is good; the log knows of the decline that it lacks."""
    stage = at("export")
    release, key = stage.open(), f"releases/{SLUG}/{VERSION}.json"
    before = file_of(stage, key).read_text()
    kept = record.kept(release)
    record.save(release, kept.approved(Approval("publish", "decline", "grace", "no", record.now(), "f" * 64, "form")))
    assert run_audit(stage, VERSION).code == 0
    file_of(stage, key).write_text(before)
    ended = run_audit(stage, VERSION, "--json")
    assert ended.code == 1
    assert "an older record was put back: it lacks: answers decline publish" in failed(ended)


@pytest.mark.slow
def test_signatures_of_answers_are_verified_and_a_changed_one_is_named(at: Make) -> None:
    stage = at("export")
    key = make_key(stage)
    signers = f"grace@example.org {key.with_suffix('.pub').read_text()}"
    stage.sandbox.commit_to_main("signers", signers, "Say who may sign")
    configure(stage, 'signed-approvals = true\nallowed-signers = "signers"')
    release = stage.open(version=VERSION)
    survey.look_at_origin(release)
    kept, evidence = record.kept(release), {"commit": "a" * 40}
    fingerprint = fingerprint_of("publish", evidence)
    signature = signatures.sign(fingerprint, key, NAMESPACE)
    identity = signatures.prove(fingerprint, signature, "grace@example.org", signers, NAMESPACE).key
    answer = Approval(
        "publish", "approve", "grace@example.org", "", record.now(), fingerprint, "form", signature, identity, evidence
    )
    record.save(release, kept.approved(answer))
    good = run_audit(stage, VERSION, "--json")
    assert (good.code, failed(good)) == (0, "")
    assert f"signed with {identity}" in good.out
    lines = signature.split("\n")
    other = "\n".join([*lines[:2], lines[2][::-1], *lines[3:]])
    wrong = {
        "ssh-keygen says": replace(answer, signature=other),
        "not that of its evidence": replace(answer, evidence={"commit": "b" * 40}),
        "recorded as SHA256:another": replace(answer, identity="SHA256:another"),
        "not signed": replace(answer, signature=""),
    }
    for seen, changed in wrong.items():
        record.save(release, kept.approved(changed))
        ended = run_audit(stage, VERSION, "--json")
        assert ended.code == 1
        assert "the answer of grace@example.org (approve publish" in failed(ended)
        assert seen in failed(ended)


def test_from_origin_alone_the_fixture_is_verified_and_the_log_said_to_be_missing(at: Make) -> None:
    stage = at("end")
    for folder in ("store", "workspaces"):
        shutil.rmtree(stage.folder / "home" / folder)
    ended = run_audit(stage, VERSION, "--json")
    assert (ended.code, failed(ended)) == (0, "")
    assert "it is not here: this store has nothing of the release" in ended.out
    elsewhere = run_audit(stage, VERSION, "--json", home="another")
    assert elsewhere.code == 1
    assert "not signed by this installation" in failed(elsewhere)


def test_a_run_is_found_by_the_beginning_of_its_id_and_one_that_nothing_names_is_refused(at: Make) -> None:
    stage = at("migrations")
    release = stage.open()
    start = audit.start_of(release.request, VERSION, "0123abcd-89ab-4def-8123-456789abcdef")
    entries = record.read_log(release)
    release.store.write_record(LOG, audit.extend(entries, (start,), record.now()))
    assert run_audit(stage, "0123abcd", "--json").code == 0
    ended = run_audit(stage, "fedc", "--json")
    assert ended.code == 2
    assert f"no log of the store names a run fedc of {SLUG}" in ended.err


def test_the_public_key_is_the_one_that_fixtures_are_signed_with(at: Make) -> None:
    stage = at("version")
    (public,) = keys_of(stage.environ()).public_keys
    command = [*COMMAND, "audit", "--public-key"]
    environ = stage.environ(PYTHONPATH=str(ROOT))
    done = subprocess.run(
        command, cwd=stage.folder, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == public.pem
