"""Steps 1 to 3: the version, the migrations, the release commit."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from prefect import task

from clients import exports, git, git_remote, git_trees, git_workspace, inside, project_code
from clients.own_files import for_others_too
from clients.process import Completed
from lockgate import migrations
from lockgate.checkouts import allowed, check_refs, release_files, release_message
from lockgate.continuation import Course, RequestRefusedError
from lockgate.errors import NotVisibleError, Problem, RefusedError, refused
from lockgate.fixture import Note
from lockgate.outcome import StepResult
from lockgate.version_sources import write_version
from planning import asking, attempts, checks, continuing, proofs, record, survey
from planning.isolation import rights_for
from planning.release import Release
from planning.stated import repository_version
from tasks.exporting import Exported, exported
from tasks.github_release import put_away_draft
from tasks.policy import policy
from tasks.work import Work, carry_out, write_fixture

log = logging.getLogger(__name__)


@task(**policy("version"))
def check_version(release: Release) -> StepResult:
    """Step 1: the version is free and newer, the tree clean; edited release files are committed and pushed.

    Raises RefusedError with every conflict at once.
    """
    return carry_out(release, "version", _check_version)


def _check_version(work: Work) -> StepResult:
    release = work.release
    said = take_course(work)
    finding = checks.version(release, work.origin)
    if finding.problems:
        raise RefusedError(*finding.problems)
    if work.fixture.abort is not None:  # it is under way again; the earlier attempt's record keeps that it was given up
        asked = release.request
        work.fixture = replace(work.fixture, abort=None, requested=asked.version, requested_by=asked.requested_by)
    tidied = tidy(work)
    if not work.is_pushed():
        before = survey.previous(release, work.origin)
        work.fixture = replace(
            work.fixture, base_commit=work.head,
            previous_version=before[0] if before else "", previous_commit=before[2] if before else "",
        )  # fmt: skip
    evidence = f"{finding.says}; {release.settings.branch} at {work.head[:12]}"
    evidence += f"; committed {', '.join(tidied)}" if tidied else ""
    return StepResult("done", f"{evidence}; {said}" if said else evidence)


def take_course(work: Work) -> str:
    """Go on with what an earlier start did, or begin anew; what was decided, in words, "" where there was nothing to decide.

    A release that begins anew gives up its record, its draft and the workspace's tag; its commits stay on origin. Raises
    RequestRefusedError for a wish that cannot be meant.
    """
    release = work.release
    course = continuing.decide(release, work.origin)
    if course.problems:
        raise RequestRefusedError(*course.problems)
    by, said = release.request.requested_by, ""
    if course.anew:
        said = f"{continuing.ANEW} from {release.settings.branch}: {course.why}"
        log.warning("%s %s", release.label, said)
        put_away = put_away_draft(release, work.fixture.release_commit)
        git_workspace.drop_tag(release.workspace, release.tag)
        record.restart(release, Note(record.now(), by, said))
        work.fixture = record.kept(release).started("version", record.now())
        said += f"; deleted {', '.join(put_away)}" if put_away else ""
    elif course.chosen:
        commit = work.fixture.release_commit[:12]
        said = f"goes on with the older commit {commit}, by name, although {course.why}"
        log.warning("%s %s", release.label, said)
        work.fixture = work.fixture.noted(Note(record.now(), by, said))
    record.log_start(release)
    attempts.begin(release.store, release.slug, str(release.version), release.run.id, release.request.version)
    release.course = Course()
    return said


def tidy(work: Work) -> tuple[str, ...]:
    """The move that commits edited release files of the given checkout and pushes them; the files it committed.

    Observed first: with nothing edited and nothing of ours unpushed it does nothing, and once the tag is out no edit is touched.
    Raises NotVisibleError when origin does not show the commit after the push.
    """
    release = work.release
    given = survey.look_at_given(release, work.origin)
    if given is None or release.given is None or release.tag in work.origin.tags:
        return ()
    edited = release_files(given.checkout, survey.committable(release, given))
    unpushed = survey.own_commits(release, given)
    if not edited and not unpushed:
        return ()
    commit = _commit_edited(release, release.given, edited) if edited else unpushed[0].sha
    git_remote.push_branch(
        release.given, release.origin_url, release.origin_token, commit, release.settings.branch, expected=work.head
    )
    work.look_again()
    if not git.is_ancestor(release.workspace, commit, work.head):
        problem = Problem("origin does not show the commit that was pushed", f"commit {commit[:12]}", "look again")
        raise NotVisibleError(problem)
    return edited


def edited_release_files(release: Release) -> tuple[str, ...]:
    """Edited files of the given checkout that are release files by the settings, also those that are not committed unasked.

    None where a commit would not be on the release branch, or in the middle of a merge or rebase.
    """
    if release.given is None:
        return ()
    checkout = git.observe_checkout(release.given)
    if checkout.branch != release.settings.branch or checkout.operation:
        return ()
    return release_files(checkout, release.settings.release_files)


def commit_release_files(release: Release) -> tuple[str, ...]:
    """The move that commits these files because a person said so; step 1 pushes the commit. With none edited it does nothing."""
    edited = edited_release_files(release)
    if edited and release.given is not None:
        _commit_edited(release, release.given, edited)
    return edited


def _commit_edited(release: Release, checkout: Path, edited: tuple[str, ...]) -> str:
    """Commit these files of a person's checkout; noted before, so that the commit is known for Lockgate's at the next start."""
    message = release_message(f"Update {', '.join(edited)}", release.settings.project, str(release.version))
    with for_others_too():
        proofs.note_commit(release, checkout, edited, record.now())
        return git.commit_files(checkout, edited, message)


@task(**policy("migrations"))
def review_migrations(release: Release) -> StepResult:
    """Step 2: what changed in the migrations since the last release; asks a person when anything did.

    Raises RefusedError when the configured check command fails. Conflicting migrations are shown and asked about.
    """
    return carry_out(release, "migrations", _review_migrations)


def _review_migrations(work: Work) -> StepResult:
    release = work.release
    changes, commit = checks.migration_changes(release, work.origin)
    described = migrations.describe(changes)
    if release.settings.migrations_check:
        described += _run_check(work, commit)
    finding = checks.review_migrations(release, work.origin)
    if finding.problems:
        raise RefusedError(*finding.problems)
    question = asking.about_migrations(release, work.origin, described)
    return StepResult("done" if changes.worth_asking else "not needed", finding.says, question, described)


def _run_check(work: Work, commit: str) -> str:
    release = work.release
    command = release.settings.migrations_check
    with exported(release, commit) as given:
        said = _run(release, command, given).last_lines()
    return f"\n\n`{' '.join(command)}` found nothing missing:\n\n```\n{said}\n```\n"


@task(**policy("pre-release"))
def execute_pre_release(release: Release) -> StepResult:
    """Step 3: run the configured commands, write version and fixture, commit them in the workspace.

    Raises RefusedError when a command fails or changes other files than release files, and when origin's branch is not
    where step 1 found it.
    """
    return carry_out(release, "pre-release", _execute_pre_release)


def _execute_pre_release(work: Work) -> StepResult:
    if has_release_commit(work):
        return StepResult("already done", f"release commit {work.fixture.release_commit[:12]}")
    if work.head != work.fixture.base_commit:
        raise refused(
            f"origin's {work.release.settings.branch!r} moved from {work.fixture.base_commit[:12]} to {work.head[:12]}"
            " since the version was checked",
            "the same commit in every step", "start the release again: it looks at the new commits first",
        )  # fmt: skip
    commit = make_release_commit(work)
    work.fixture = work.fixture.for_commit(commit)
    return StepResult("done", f"release commit {commit[:12]} on {work.head[:12]}")


def has_release_commit(work: Work) -> bool:
    """Whether the release commit exists and still fits: it is in origin's branch, or directly on top of it."""
    commit, workspace = work.fixture.release_commit, work.release.workspace
    if not commit or git.resolve(workspace, commit) is None:
        return False
    return work.is_pushed() or git.resolve(workspace, f"{commit}^") == work.head


def make_release_commit(work: Work) -> str:
    """The move that makes the release commit: commands, version, fixture; nothing leaves the workspace."""
    release, fixture = work.release, work.fixture
    git_workspace.start_from(release.workspace, release.settings.branch, work.head)
    run_pre_release(release, work.head)
    _write_version(release, work.head)
    work.fixture = replace(fixture, release_commit="", artifacts=(), tests=None)
    write_fixture(work, tree=_tree_beside(release))
    changed = git.observe_checkout(release.workspace).dirty
    _refuse_others(release, changed)
    message = release_message(f"Release {release.label}", release.settings.project, str(release.version))
    return git.commit_files(release.workspace, changed, message)


def _tree_beside(release: Release) -> str:
    """What the release commit will hold beside its fixture."""
    written = git.observe_checkout(release.workspace).dirty
    files = [one for one in written if one != release.fixture_path]
    return git_trees.tree_of_files(release.workspace, files, without=release.fixture_path)


def run_pre_release(release: Release, commit: str) -> None:
    """Run the configured commands in an export with its history, and bring what they changed into the workspace.

    Refuses one that fails, other files than release files, and commits or tags that they made. Whatever else they wrote,
    into the export's .git too, is thrown away with the export.
    """
    commands = checks.pre_release_commands(release)
    if not commands:
        return
    with exported(release, commit, history=True, branch=release.settings.branch) as given:
        before = exports.observe_refs(given.folder)
        for command in commands:
            _run(release, command, given)
        if problems := check_refs(before, exports.observe_refs(given.folder)):
            raise RefusedError(*problems)
        changed = exports.changed_files(release.workspace, given.folder, commit)
        _refuse_others(release, changed)
        exports.take_over(given.folder, release.workspace, changed)


def _write_version(release: Release, commit: str) -> None:
    source = release.settings.version_source
    places = source.copies
    if repository_version(release.workspace, commit, release.settings) not in {None, release.version}:
        places = (source, *places)
    for place in places:
        text = git.working_text(release.workspace, place.path)
        if text is None:
            raise refused(
                f"{place.path} is not there any more", "the file that states the version",
                "correct the pre-release commands, or the settings",
            )  # fmt: skip
        inside.write_file(release.workspace, place.path, write_version(place, text, release.version).encode())


def _refuse_others(release: Release, changed: tuple[str, ...]) -> None:
    patterns = release.settings.release_files
    others = [path for path in changed if not allowed(path, patterns)]
    if others:
        raise refused(
            f"the pre-release commands changed {', '.join(others)}", f"changes to release files only ({', '.join(patterns)})",
            "add the files to `release-files` in [tool.lockgate], or correct the commands",
        )  # fmt: skip


def _run(release: Release, command: tuple[str, ...], given: Exported) -> Completed:
    timeout, rights = release.settings.pre_release_timeout, rights_for(release, "tests")
    log.info("Running %s", " ".join(command))
    ended = project_code.run_project(
        command, cwd=given.folder, timeout=timeout, rights=rights, reads=given.borrows, on_line=log.info
    )
    # Where nothing keeps the command apart, it may have written into Lockgate's own repository.
    git_workspace.renew(release.workspace, release.origin_url)
    if not ended.ok:
        how = f"did not end within {timeout:.0f} s" if ended.timed_out else f"ended with exit code {ended.returncode}"
        raise refused(
            f"`{' '.join(command)}` {how}:\n{ended.last_lines()}\n", "exit code 0",
            "run it in a clean checkout of the release branch, correct what it reports, push, and start again",
        )  # fmt: skip
    return ended
