from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import pytest
import yaml

from clients.workflow_checks import audit, check_schema
from lockgate.errors import SettingsError
from lockgate.onboarding import ACTIONS, manual_steps, propose_settings, publish_workflow, tag_pattern
from lockgate.settings import resolve_settings
from lockgate.workflows import check_workflow, claims_for, find_publish_workflow, share_release, tag_matches

PATH = ".github/workflows/publish.yml"
PYPROJECT = """\
[build-system] # kept
requires = ["flit_core>=3"]
build-backend = "flit_core.buildapi"

[project]
name = "sample"
version = "1.0.0"

[tool.ruff]
line-length = 99
"""


@pytest.fixture
def settings():
    return resolve_settings(
        tomllib.loads(PYPROJECT),
        default_branch="trunk",
        tags=["v0.9", "v1.0.0"],
        read={"pyproject.toml": PYPROJECT}.get,
    )


@pytest.mark.parametrize("variant", ["assets", "rebuild"])
@pytest.mark.parametrize(
    ("tag_format", "tag"), [("v{version}", "v1.2.3"), ("{version}", "1.2.3rc1"), ("a+b-{version}", "a+b-2.0")]
)
def test_the_proposed_workflow_passes_every_check_of_step_6(variant, tag_format, tag):
    text = publish_workflow(variant, tag_format=tag_format, environment="pypi")
    files = {PATH: text}
    found = find_publish_workflow(files, wanted="", tag=tag, repository="octo/sample")
    assert check_workflow(files, found, tag=tag, repository="octo/sample", environment="pypi") == ((), ())
    assert (found.trigger, found.jobs[-1].id, found.environment, found.attestations) == ("tag", "publish", "pypi", True)
    assert found.downloads_assets is (variant == "assets")
    share = share_release(files, found, tag=tag, repository="octo/sample")
    assert not share.leaves_release
    assert not share.leaves_assets
    assert claims_for(found, repository="octo/sample", tag=tag).workflow == "publish.yml"


@pytest.mark.parametrize("variant", ["assets", "rebuild"])
def test_the_proposed_workflow_passes_both_checkers(variant):
    files = {PATH: publish_workflow(variant, tag_format="v{version}", environment="pypi")}
    assert check_schema(files) == ()
    assert audit(files) == ()


@pytest.mark.parametrize("variant", ["assets", "rebuild"])
def test_the_publishing_job_holds_nothing_but_its_identity(variant):
    document = yaml.safe_load(publish_workflow(variant, tag_format="v{version}", environment="pypi"))
    publish = document["jobs"]["publish"]
    assert document["permissions"] == {}
    assert publish["permissions"] == {"id-token": "write"}
    assert not any("run" in step for step in publish["steps"])


@pytest.mark.parametrize("variant", ["assets", "rebuild"])
def test_every_action_is_pinned_by_commit_with_its_version(variant):
    text = publish_workflow(variant, tag_format="v{version}", environment="pypi")
    used = re.findall(r"uses: (\S+)@(\S+) # (v\d+\.\d+\.\d+)\n", text)
    assert len(used) == text.count("uses:")
    assert all(ACTIONS[name] == (commit, version) and len(commit) == 40 for name, commit, version in used)
    assert "{actions" not in text


@pytest.mark.parametrize("environment", ["it's: a # name", "release-1", "{x}", "on", "123"])
def test_an_environment_of_any_name_is_written_safely(environment):
    text = publish_workflow("assets", tag_format="v{version}", environment=environment)
    read = yaml.load(text, Loader=yaml.BaseLoader)
    assert read["jobs"]["publish"]["environment"] == environment


@pytest.mark.parametrize("environment", ["", " ", "a\nb"])
def test_an_environment_of_more_than_a_line_is_refused(environment):
    with pytest.raises(SettingsError, match=r"environment .* cannot be written into a workflow"):
        publish_workflow("assets", tag_format="v{version}", environment=environment)


@pytest.mark.parametrize(
    ("tag_format", "taken", "left"),
    [("v{version}", "v1.0", "version"), ("{version}", "1.0", "v1.0"), ("rel+{version}!", "rel+1.0!", "rell1.0!")],
)
def test_the_pattern_takes_the_tags_of_the_format(tag_format, taken, left):
    assert tag_matches([tag_pattern(tag_format)], taken)
    assert not tag_matches([tag_pattern(tag_format)], left)


def test_a_format_without_a_version_is_refused():
    with pytest.raises(SettingsError, match="the tag format 'v1' has no place for the version"):
        tag_pattern("v1")


def test_the_table_is_added_and_the_rest_stays(settings):
    text = propose_settings(PYPROJECT, settings, more={"test-command": ["python", "-m", "pytest"]})
    assert text.startswith(PYPROJECT)
    table = tomllib.loads(text)["tool"]["lockgate"]
    assert table == {
        "branch": "trunk",
        "tag-format": "v{version}",
        "environment": "pypi",
        "test-command": ["python", "-m", "pytest"],
    }
    assert f'branch = "trunk" # {settings.origins["branch"]}' in text
    again = resolve_settings(tomllib.loads(text), default_branch="x", tags=[], read={"pyproject.toml": PYPROJECT}.get)
    assert (again.branch, again.tag_format, again.test_command) == ("trunk", "v{version}", ("python", "-m", "pytest"))


def test_keys_that_are_there_stay(settings):
    own = PYPROJECT + '\n[tool.lockgate]\nenvironment = "release" # mine\n'
    text = propose_settings(own, settings, more={})
    assert 'environment = "release" # mine' in text
    assert tomllib.loads(text)["tool"]["lockgate"]["branch"] == "trunk"
    assert propose_settings(text, settings, more={}) == text


def test_a_text_that_is_no_toml_is_refused(settings):
    with pytest.raises(SettingsError, match=r"pyproject\.toml cannot be read"):
        propose_settings("[project", settings, more={})


def steps(settings, **more):
    options = {"repository": "octo/sample", "workflow_file": "publish.yml", "server_url": "https://hub.example/",
               "index_url": "https://index.example/simple/", "is_new": False} | more  # fmt: skip
    return "\n".join(manual_steps(settings, **options))


def test_what_is_set_by_hand_comes_with_links_and_values(settings):
    text = steps(settings)
    assert "`pypi` with required reviewers: https://hub.example/octo/sample/settings/environments" in text
    assert "from tags `v*` only" in text
    assert "https://index.example/manage/project/sample/settings/publishing/ with project `sample`" in text
    assert "owner `octo`, repository `sample`, workflow `publish.yml`, environment `pypi`" in text
    assert "lockgate plan" in text


def test_a_new_project_needs_a_pending_publisher(settings):
    text = steps(replace(settings, environment="release"), is_new=True)
    assert (
        "a pending Trusted Publisher (the first release creates the project): https://index.example/manage/acc" in text
    )
    assert "environment `release`" in text
    assert "old upload tokens" not in text
