"""A policy outside of every repository, against the real command: what may be released here, and the least that is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import uuid4

import pytest

from tests.desk import Desk

SLUG = "example/lockgate-sample"
LOOSE = '\n[tool.lockgate]\napprovers = ["eve", "ada"]\n\n[tool.lockgate.checkpoints]\ntests = "never"\npublisher = "never"\n'


@pytest.fixture
def ruled(desk: Desk, tmp_path: Path):
    """Puts a policy into force at the desk."""

    def put(text: str) -> Desk:
        path = tmp_path / "policy.toml"
        path.write_text(text)
        desk.environ["LOCKGATE_POLICY"] = str(path)
        return desk

    return put


@pytest.mark.parametrize(
    "text",
    [
        'repositories = ["another/*"]',
        'hosts = ["github.com"]',
        'repositories = ["example/lockgate"]',
        'hosts = ["example"]',
    ],
)
def test_another_repository_or_host_is_not_even_asked(ruled, text: str) -> None:
    desk = ruled(text)
    for words in (("plan", "minor"), ("release", "minor", "--yes", "--tested", "here")):
        ended = desk.run(*words, "--json")
        assert ended.code == 1, ended.out + ended.err
        assert "may not be released here" in ended.out + ended.err
    assert not (Path(desk.environ["LOCKGATE_HOME"]) / "workspaces").exists()
    assert desk.world.releases == []


def test_what_a_repository_says_can_only_be_stricter(ruled) -> None:
    desk = ruled('[[rules]]\napprovers = ["ada", "grace"]\ncheckpoints = { tests = "always", publish = "always" }\n')
    desk.write("pyproject.toml", (desk.checkout / "pyproject.toml").read_text() + LOOSE)
    desk.push("Ask nobody")
    ended = desk.run("plan", "minor", "--json")
    settings = {name: (value, origin) for name, value, origin in ended.data["settings"]}
    assert settings["approvers"] == ("ada", "policy")
    value, origin = settings["checkpoints"]
    assert origin == "policy"
    assert "tests: always" in value
    assert "publish: always" in value
    assert "publisher: never" in value


def test_yes_does_not_answer_for_the_policys_people(ruled) -> None:
    desk = ruled('[[rules]]\nrepositories = ["example/*"]\ncheckpoints = { publish = "always" }\n')
    before = desk.seen()
    ended = desk.run("release", "minor", "--yes", "--tested", "here", "--json")
    assert (ended.code, "as the policy wants them" in ended.out) == (1, True), ended.out + ended.err
    assert desk.seen() == before


@pytest.mark.parametrize("harm", ["not TOML", "unknown", "missing", "writable", "a folder", "a pipe"])
def test_a_broken_policy_refuses_everything(ruled, tmp_path: Path, harm: str) -> None:
    desk = ruled({"not TOML": "[[rules", "unknown": 'aprovers = ["ada"]'}.get(harm, ""))
    path = tmp_path / "policy.toml"
    if harm == "writable":
        path.chmod(0o666)
    elif harm in ("missing", "a folder", "a pipe"):
        path.unlink()
        path.mkdir() if harm == "a folder" else os.mkfifo(path) if harm == "a pipe" else None
    for words in (("plan", "minor"), ("policy",)):
        ended = desk.run(*words, "--json")
        assert ended.code == 2, ended.out + ended.err
        assert str(path) in ended.out + ended.err


def test_the_command_shows_what_is_in_force(ruled) -> None:
    desk = ruled('repositories = ["example/*"]\n[[rules]]\nsigned-approvals = true\n')
    ended = desk.run("policy", "--repository", ".")
    assert ended.code == 0, ended.out + ended.err
    assert "repositories: example/*" in ended.out
    assert "hosts of origin: any" in ended.out
    assert "at least, for */*: signed-approvals = true" in ended.out
    assert f"{SLUG} may be released here" in ended.out
    data = json.loads(desk.run("policy", "--repository", ".", "--json").out)
    assert data["demanded"] == [{"signed_approvals": True}]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_policy_in_prefects_variable_holds_for_every_worker(desk_with_prefect: Desk, prefect_api: str) -> None:
    """Whatever the environment of the machine says; and a server that has none says nothing."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import VariableCreate, VariableUpdate

    desk = desk_with_prefect
    with get_client(sync_client=True) as client:
        assert client.read_variable_by_name("lockgate_policy") is None
        made = client.create_variable(VariableCreate(name="lockgate_policy", value='repositories = ["another/*"]'))
        try:
            refused = desk.run("release", "minor", "--yes", "--tested", "here", "--json")
            assert (refused.code, "may not be released here" in refused.out) == (1, True), refused.out + refused.err
            assert "Prefect's variable lockgate_policy" in desk.run("policy").out
            broken = {"repositories": ["example/*"], str(uuid4()): 1}
            client.update_variable(VariableUpdate(name="lockgate_policy", value=broken))
            assert desk.run("release", "minor", "--yes", "--tested", "here", "--json").code == 2
        finally:
            client.delete_variable_by_name(made.name)
