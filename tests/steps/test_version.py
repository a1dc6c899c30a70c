"""Step 1: which versions are free, and what is said about them."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError, SettingsError
from planning import checks, survey
from sandbox.sample import NAME
from tests.acts import attempt, publish_wheel, replace_in
from tests.stages import ORDER, VERSION, Stage

Make = Callable[[str], Stage]


def test_words_count_from_the_newest_release_on_tags_and_index(at: Make) -> None:
    stage = at("version")
    assert str(stage.open(version="minor").version) == "1.1.0"
    publish_wheel(stage, "1.4.0")
    wanted = {
        "patch": "1.4.1",
        "minor": "1.5.0",
        "major": "2.0.0",
        "alpha": "1.4.1a1",
        "beta": "1.4.1b1",
        "rc": "1.4.1rc1",
    }
    assert {word: str(stage.open(version=word).version) for word in wanted} == wanted
    with pytest.raises(SettingsError, match="final"):
        stage.open(version="final")


def test_a_pre_release_goes_on_to_its_final_version(at: Make) -> None:
    stage = at("version")
    publish_wheel(stage, "2.0rc1")
    assert [str(stage.open(version=word).version) for word in ("rc", "final")] == ["2.0rc2", "2.0"]


def test_a_first_release_is_allowed_and_says_what_it_needs(at: Make) -> None:
    stage = at("version")
    stage.git("tag", "--delete", "v1.0.0")
    release = stage.open(version="1.0.0")
    finding = checks.version(release, survey.look_at_origin(release))
    assert finding.problems == ()
    assert f"{NAME} is not on the index yet: a first release needs a pending publisher" in finding.warnings[0]
    assert attempt(stage, "version", "1.0.0").outcome == "done"


def test_the_repositorys_own_unreleased_version_is_bumped_already(at: Make) -> None:
    stage = at("version")
    replace_in(stage, "VERSION", "1.0.0", VERSION)
    stage.go_on(ORDER[:3], version=VERSION)
    workspace = stage.open(version=VERSION).workspace
    assert stage.git("show", "--format=", "--name-only", "main", folder=workspace) == f"releases/{VERSION}.json"


def test_older_than_the_repositorys_own_version_is_refused(at: Make) -> None:
    stage = at("version")
    replace_in(stage, "VERSION", "1.0.0", "2.0.0")
    with pytest.raises(RefusedError, match=r"1\.1\.0 is older than the repository's own version 2\.0\.0"):
        attempt(stage, "version", VERSION)


@pytest.mark.parametrize("tag", ["v1.1.0", "v1.1"])
def test_a_tag_that_only_the_checkout_has_is_refused(at: Make, tag: str) -> None:
    stage = at("version")
    checkout = stage.clone()
    stage.git("tag", tag, folder=checkout)
    release = stage.open(version=VERSION, repository=str(checkout))
    (problem,) = checks.version(release, survey.look_at_origin(release)).problems
    assert f"has a tag '{tag}' that origin does not have" in problem.seen
    assert f"git tag --delete {tag}" in problem.next


def test_a_tag_that_only_origin_has_is_refused_in_any_spelling(at: Make) -> None:
    stage = at("version")
    stage.git("tag", "v1.1", "main")
    with pytest.raises(RefusedError, match=r"1\.1\.0 is taken: .*v1\.1"):
        attempt(stage, "version", VERSION)


def test_a_version_that_a_fixture_remembers_is_burnt(at: Make) -> None:
    """The files were deleted from the index, and the tag too: only the fixture in the repository still knows."""
    stage = at("end")
    for name in dict(stage.fixture().index_files):
        stage.sandbox.delete_file(NAME, name)
    stage.git("update-ref", "-d", f"refs/tags/v{VERSION}")
    with pytest.raises(RefusedError, match=r"1\.1\.0 is taken"):
        attempt(stage, "version", VERSION)


def test_a_burnt_version_counts_for_words(at: Make) -> None:
    """Files and tag are gone; without the fixture the next minor version would be the burnt one."""
    stage = at("end")
    stage.git("update-ref", "-d", f"refs/tags/v{VERSION}")
    for name in dict(stage.fixture().index_files):
        stage.sandbox.delete_file(NAME, name)
    assert str(stage.open(version="minor").version) == "1.2.0"


def test_a_project_that_the_index_knew_and_does_not_know_is_refused(at: Make) -> None:
    stage = at("end")
    shutil.rmtree(stage.folder / "sandbox" / "index" / NAME)
    with pytest.raises(
        RefusedError, match=rf"no such project, and fixtures in the repository record that {VERSION} was"
    ):
        attempt(stage, "version", "1.2.0")


def test_a_version_that_only_its_own_page_shows_is_taken(at: Make) -> None:
    """The list for installers lags behind, or hides the version; the index's page of it knows."""
    stage = at("version")
    publish_wheel(stage, "0.9")
    publish_wheel(stage, VERSION, hidden_from="simple")
    with pytest.raises(RefusedError, match=r"1\.1\.0 is taken: on the index"):
        attempt(stage, "version", VERSION)


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_a_project_that_takes_no_uploads_is_refused(at: Make, status: str) -> None:
    stage = at("version")
    publish_wheel(stage, "0.9")
    stage.sandbox.set_project_status(NAME, status)
    with pytest.raises(RefusedError, match=status):
        attempt(stage, "version", VERSION)
