"""Steps 4 and 5: the artifacts, and the tests of the very commit that they were built from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from packaging.tags import sys_tags
from prefect import task

from clients import build, exports, git, git_tags, github_checks, project_code, sbom
from lockgate.artifacts import Artifact, ArtifactContents, check_artifacts, import_names, raw_metadata, table_of
from lockgate.commit_checks import Standing, judge_checks
from lockgate.errors import DeadlineError, NotVisibleError, Problem, RefusedError, refused
from lockgate.fixture import TestEvidence
from lockgate.outcome import StepResult
from lockgate.publication import installable_wheel
from lockgate.releases import digests_in
from lockgate.version_builds import build_environment, built_elsewhere, takes_commit_date
from planning import asking, checks
from planning.changes import what_changed
from planning.isolation import isolation_of, rights_for
from planning.release import Release, read_pyproject
from tasks.exporting import exported
from tasks.policy import policy
from tasks.work import Work, carry_out, poll, push

log = logging.getLogger(__name__)


@task(**policy("artifacts"))
def build_release(release: Release) -> StepResult:
    """Step 4: build sdist and wheel from a clean export of the release commit, keep their bytes, push the commit.

    Raises RefusedError when main moved since the release commit was made, when the build fails or what it built must not
    be published, and when kept bytes are gone and a new build differs from them.
    """
    return carry_out(release, "artifacts", _build_release)


def _build_release(work: Work) -> StepResult:
    refuse_moved_main(work)
    built = build_and_keep(work)
    shown = f"{table_of(work.fixture.artifacts)}\n\n{what_changed(work.release, work.fixture.artifacts)}"
    pushed = push_release_commit(work)
    names = ", ".join(one.name for one in work.fixture.artifacts)
    says = f"{names}; commit {work.fixture.release_commit[:12]}"
    return StepResult("done" if built or pushed else "already done", says, details=shown)


def refuse_moved_main(work: Work) -> None:
    """Refuse when origin's branch has commits that the release commit was not made on."""
    commit = work.fixture.release_commit
    if not commit:
        raise refused("there is no release commit", "the one that step 3 makes", "start the release again")
    if work.is_pushed() or git.resolve(work.release.workspace, f"{commit}^") == work.head:
        return
    raise refused(
        f"origin's {work.release.settings.branch!r} moved to {work.head[:12]} since the release commit was made",
        f"{work.fixture.base_commit[:12]}, which it was made on",
        "start the release again: it makes a new release commit on top of what was pushed meanwhile",
    )


def build_and_keep(work: Work) -> bool:
    """The move that builds: artifacts that are recorded and kept are never built again; True when there was a build."""
    release, recorded = work.release, work.fixture.artifacts
    if recorded and all(release.store.has(one.sha256) for one in recorded):
        return False
    history = release.settings.version_source.kind == "scm"
    with exported(release, work.fixture.release_commit, history=history) as given:
        source, out = given.folder, given.folder.parent / "dist"
        made = build.build_artifacts(
            source, out, epoch=_build_date(work), on_line=log.info, rights=rights_for(release, "build"), reads=given.borrows,
            environment=build_environment(release.settings.version_source, release.settings.project, release.version),
        )  # fmt: skip
        paths = [out / one.name for one in made.artifacts]
        _check(work, paths, exports.altered_files(source, given.files) if history else ())
        _refuse_other_bytes(recorded_digests(work), made.artifacts)
        for path in paths:
            release.store.put(path)
        digest = _keep_sbom(work, made, paths) if release.settings.sbom else ""
    work.fixture = replace(
        work.fixture,
        artifacts=made.artifacts,
        build_requirements=made.requirements,
        isolation=isolation_of(release),
        sbom=digest,
    )
    return True


def _build_date(work: Work) -> int | None:
    """The time that the build gets in seconds since 1970; None where it has to be without, to make what the workflow makes."""
    release, commit = work.release, work.fixture.release_commit
    workflow, files, _ = checks.find_workflow(release, work.origin)
    text = "" if workflow.downloads_assets else files[workflow.path]
    if workflow.downloads_assets or takes_commit_date(read_pyproject(release.workspace, commit), text):
        return git.commit_time(release.workspace, commit)
    return None


def _check(work: Work, paths: list[Path], altered: tuple[str, ...]) -> None:
    """Refuse what must not be published, and try the wheel.

    `altered` are the committed files that the build changed.
    """
    release = work.release
    contents = [build.inspect_artifact(path) for path in paths]
    workflow, _, _ = checks.find_workflow(release, work.origin)
    problems = check_artifacts(
        contents,
        release.settings.project,
        release.version,
        limit_bytes=release.settings.file_size_limit * 1024**2,
        published=workflow.downloads_assets,
        import_packages=release.settings.import_packages if _is_set(release, "import_packages") else (),
    )
    problems += build.check_rendering(paths)
    problems += () if workflow.downloads_assets else built_elsewhere(release.settings.version_source, altered)
    if problems:
        raise RefusedError(*problems)
    for path, found in zip(paths, contents, strict=True):
        if found.artifact.kind == "wheel":
            _try(release, path, found)


def _keep_sbom(work: Work, made: build.Built, paths: list[Path]) -> str:
    """Keep the bill of materials of what was built in the store; its digest."""
    release = work.release
    needs = [need for path in paths for need in raw_metadata(build.inspect_artifact(path)).get("requires_dist", [])]
    epoch = git.commit_time(release.workspace, work.fixture.release_commit)
    text = sbom.write_sbom(
        release.settings.project,
        str(release.version),
        made.artifacts,
        needs=needs,
        built_with=made.requirements,
        built_at=epoch,
    )
    path = paths[0].with_name(f"{release.settings.project}-{release.version}.cdx.json")
    path.write_text(text, encoding="utf-8")
    digest = release.store.put(path)
    log.info("The bill of materials is kept in the store: %s", digest)
    return digest


def _try(release: Release, wheel: Path, contents: ArtifactContents) -> None:
    configured = release.settings.import_name if _is_set(release, "import_name") else ""
    names = (configured,) if configured else import_names(contents)
    if installable_wheel([wheel.name], list(sys_tags())) is None:
        log.info("%s is for another platform: it is not tried here", wheel.name)
        return
    log.info("Installing %s into a new environment and importing %s", wheel.name, ", ".join(names) or "nothing")
    problems = build.try_wheel(
        wheel,
        names,
        release.version,
        project=release.settings.project,
        rights=rights_for(release, "build"),
        on_line=log.info,
    )
    if problems:
        raise RefusedError(*problems)


def _is_set(release: Release, setting: str) -> bool:
    return release.settings.origins.get(setting, "") == "[tool.lockgate]"


def recorded_digests(work: Work) -> dict[str, str]:
    """The digests that the artifacts must have, by name: the record's, else those that the tag names once it is out."""
    if work.fixture.artifacts:
        return {one.name: one.sha256 for one in work.fixture.artifacts}
    release, origin = work.release, work.origin
    if origin.tags.get(release.tag) != work.fixture.release_commit:
        return {}
    return digests_in(git_tags.message_of(release.workspace, origin.tag_objects[release.tag]))


def _refuse_other_bytes(recorded: Mapping[str, str], made: tuple[Artifact, ...]) -> None:
    if recorded and recorded != {one.name: one.sha256 for one in made}:
        raise refused(
            "the recorded artifacts' bytes are gone from the store, and building again gives others:"
            f" {', '.join(one.sha256[:12] for one in made)}",
            f"the recorded digests {', '.join(one[:12] for one in recorded.values())}",
            "bring the store back (LOCKGATE_STORE), or release the next version",
        )


def push_release_commit(work: Work) -> bool:
    """The move that pushes the release commit; True when there was anything to push."""
    if work.is_pushed():
        return False
    push(work, work.fixture.release_commit)
    work.look_again()
    if not work.is_pushed():
        problem = Problem("origin does not show what was pushed", work.fixture.release_commit, "look again in a moment")
        raise NotVisibleError(problem)
    return True


@task(**policy("tests"))
def complete_tests(release: Release) -> StepResult:
    """Step 5: run the test command on a clean export of the release commit, or read GitHub's checks, or ask a person.

    Raises RefusedError when the command or a check fails or the command does not end in time, DeadlineError when the
    checks do not. Evidence for another commit does not count.
    """
    return carry_out(release, "tests", _complete_tests)


def _complete_tests(work: Work) -> StepResult:
    release, known, commit = work.release, work.fixture.tests, work.fixture.release_commit
    if release.settings.test_command:
        if known and known.commit == commit and known.exit_code == 0:
            return StepResult("already done", known.sentence)
        return StepResult("done", run_tests(work).sentence)
    if release.settings.test_checks:
        if known and known.commit == commit and known.how == "checks" and known.passed:
            return StepResult("already done", known.sentence)
        return StepResult("done", wait_for_checks(work).sentence)
    artifacts = work.fixture.artifacts
    question = asking.about_tests(release, work.origin, work.fixture, lambda: what_changed(release, artifacts))
    if question is None:
        return StepResult("not needed", "no test command, and the settings ask nobody")
    if known and known.commit == commit and known.passed:
        return StepResult("already done", known.sentence, question)
    return StepResult("done", f"a person says where the tests of {commit[:12]} ran", question)


def run_tests(work: Work) -> TestEvidence:
    """Run the test command on a clean export of the release commit and record how it ended; refuses when it failed."""
    release, commit = work.release, work.fixture.release_commit
    command, timeout = release.settings.test_command, release.settings.test_timeout
    with exported(release, commit) as given:
        source = given.folder
        log.info("Running %s in a clean export of %s", " ".join(command), commit[:12])
        rights = rights_for(release, "tests")
        ended = project_code.run_project(command, cwd=source, timeout=timeout, rights=rights, on_line=log.info)
        kept = source.parent / "tests.log"
        kept.write_text(ended.output, encoding="utf-8")
        digest = release.store.put(kept)
        log.info("The tests' output is kept in the store: %s", digest)
    code = 0 if ended.ok else ended.returncode or 1
    evidence = TestEvidence(commit, "command", " ".join(command), code, round(ended.seconds, 2), digest)
    work.fixture = replace(work.fixture, tests=evidence)
    if not ended.ok:
        how = f"did not end within {timeout:.0f} s" if ended.timed_out else f"ended with exit code {ended.returncode}"
        raise refused(
            f"the tests failed: `{' '.join(command)}` {how}:\n{ended.last_lines()}\n", "exit code 0",
            "correct what failed, push it, and start the release again; nothing was published",
        )  # fmt: skip
    return evidence


def wait_for_checks(work: Work) -> TestEvidence:
    """Wait until GitHub's configured checks of the release commit succeeded, and record it.

    Raises RefusedError for one that ended otherwise, DeadlineError for one that has not ended in the time for tests.
    """
    release, commit = work.release, work.fixture.release_commit
    wanted, timeout = release.settings.test_checks, release.settings.test_timeout
    standing = Standing("pending", "")

    def look(_waited: float) -> Standing | None:
        nonlocal standing
        before, standing = standing, judge_checks(wanted, github_checks.observe_checks(release.hub, commit), commit)
        if standing.text != before.text:
            log.info("GitHub's checks of %s: %s", commit[:12], standing.text)
        return standing if standing.state != "pending" else None

    if poll(timeout, look) is None:
        raise DeadlineError(*standing.problems)
    if standing.state == "failure":
        failed = TestEvidence(commit, "checks", command=", ".join(wanted), exit_code=1, by="GitHub")
        work.fixture = replace(work.fixture, tests=failed)
        raise RefusedError(*standing.problems)
    evidence = TestEvidence(commit, "checks", command=", ".join(wanted), source=standing.source, by="GitHub")
    work.fixture = replace(work.fixture, tests=evidence)
    return evidence
