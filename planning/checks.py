"""What each step looks at and decides before it changes anything: the same code for the plan and for the step."""

from __future__ import annotations

from clients import git, git_remote, github, github_checks, github_releases, workflow_checks
from lockgate import environment, markdown, migrations, releases, workflows
from lockgate.checkouts import check_checkout, check_local_tags, release_files
from lockgate.environment import Wanted, is_actions_token
from lockgate.errors import Problem, RefusedError
from lockgate.fixture import Fixture, published_versions
from lockgate.placeholders import fill
from lockgate.plan import Finding
from lockgate.publication import IndexProject
from lockgate.repository import Origin
from lockgate.texts import one_line
from lockgate.timeline import duration
from lockgate.undo import check_burnt
from lockgate.versions import check_version, released_versions
from lockgate.workflows import PublishWorkflow, ReleaseShare
from planning import approving, passed_over, survey
from planning import record as record_of
from planning.isolation import look_at_isolation
from planning.proofs import prover_of
from planning.release import Release
from planning.ruling import rule
from planning.stated import check_copies, repository_version, stated_version


def version(release: Release, origin: Origin) -> Finding:
    """Step 1: the version is new everywhere, the given checkout is clean, on the branch, and as origin has it."""
    shown = survey.look_at_version(release)
    fixture = survey.find_fixture(release, origin)
    ours = survey.is_ours(release, origin, shown, fixture)
    head, settings = origin.heads[release.settings.branch], release.settings
    proved = record_of.read_fixtures(release.workspace, settings.fixture, head, prover_of(release))
    is_out = release.tag in origin.tags
    stated = stated_version(release.workspace, head, settings, None if is_out else release.given)
    problems = check_version(
        release.version,
        repository=stated,
        tagged=released_versions(origin.tags, release.settings.tag_format),
        index=survey.index_versions(release, shown, published_versions(proved)),
        ours=ours,
    )
    problems += check_burnt(fixture, shown.digests(release.version))
    problems += (*approving.check(release, origin), *release.course.problems)
    given = survey.look_at_given(release, origin)
    says = f"{release.version} is this very release, begun earlier" if ours else f"{release.version} is free"
    if fixture is not None and fixture.abort is not None:
        says += f"; {_given_up(fixture.abort.by, fixture.abort.time)}"
    if given is not None:
        patterns = survey.committable(release, given)
        problems += check_checkout(given.checkout, settings.branch, patterns, survey.strange_commits(release, given))
        local = {tag: commit for tag, commit in given.checkout.tags.items() if tag not in origin.tags}
        taken = released_versions(local, release.settings.tag_format)
        problems += check_local_tags(given.checkout, taken, release.version)
        edited = release_files(given.checkout, patterns)
        problems += () if is_out else check_copies(release, stated)
        says += f"; commits and pushes {', '.join(edited)}" if edited and not is_out else ""
    warnings = [*release.course.warnings]
    if given is not None and is_out and edited:
        warnings.append(_left_alone(edited, release))
    warnings += [_foreign(key) for key in record_of.foreign(release)]
    if told := record_of.report(release, origin):
        warnings.append(_reported(release.fixture_path, told))
    warnings += passed_over.warn(release, head)
    if shown.project is None and not problems:
        warnings.append(_first_release(release.settings.project))
    return Finding("version", says, problems, tuple(warnings))


def _left_alone(edited: tuple[str, ...], release: Release) -> str:
    return f"{', '.join(edited)} was edited after the tag of {release.version}: it is not in this release, and is left as it is"


def _first_release(project: str) -> str:
    return (
        f"{project} is not on the index yet: a first release needs a pending publisher there, with this very name, or the"
        " upload is refused"
    )


def _foreign(key: str) -> str:
    return (
        f"the store's record {key} was not written by this installation (another key file, or somebody who may write"
        " there): nothing in it counts, what it says is asked and tested anew"
    )


def _given_up(by: str, time: str) -> str:
    return f"it was given up by {one_line(by) or 'somebody'} at {time}, and begins anew"


def _reported(path: str, told: str) -> str:
    return (
        f"{path} on origin was recorded by somebody else ({told}): this installation did not sign it, so that nothing in it"
        " counts; all is asked and tested anew"
    )


def migration_changes(release: Release, origin: Origin) -> tuple[migrations.MigrationChanges, str]:
    """The migrations between the last release and now, and the commit that they were read at.

    That is the commit before the release commit, also once there is one: an approval is bound to it and stays good.
    """
    fixture = survey.find_fixture(release, origin)
    commit = (fixture.base_commit if fixture else "") or origin.heads[release.settings.branch]
    before = survey.previous(release, origin)
    sides = []
    for one in (before[2] if before else "", commit):
        names = git.list_files(release.workspace, one) if one else ()
        paths = migrations.find_migrations(names, release.settings.migrations)
        sides.append(survey.read_texts(release, one, paths))
    return migrations.compare_migrations(sides[0], sides[1], release.settings.migrations_chain), commit


def review_migrations(release: Release, origin: Origin) -> Finding:
    """Step 2: which migrations changed since the last release."""
    changes, _ = migration_changes(release, origin)
    says = (
        "migrations changed: a person reviews them"
        if changes.worth_asking
        else "no migration changed since the last release"
    )
    asks = _asks(release, "migrations", needed=changes.worth_asking)
    return Finding("migrations", says, details=migrations.describe(changes), asks=asks)


def pre_release(release: Release, origin: Origin) -> Finding:
    """Step 3: what the release commit will hold."""
    current = repository_version(release.workspace, origin.heads[release.settings.branch], release.settings)
    source = release.settings.version_source
    commands = "".join(f"runs `{' '.join(command)}`; " for command in pre_release_commands(release))
    if current is None:
        change = f"the version stays with the tags ({source.why})"
    elif current == release.version:
        change = f"{source.path} says {current} already"
    else:
        change = f"{source.path}: {current} → {release.version}"
    copies = "".join(f", and {copy.path} ({copy.why})" for copy in source.copies)
    says = f"{commands}{change}{copies}; commits {release.fixture_path}"
    if not commands:
        return Finding("pre-release", says)
    apart, problems, warnings = look_at_isolation(release, "tests")
    return Finding("pre-release", f"{says}{apart}", problems, warnings)


def pre_release_commands(release: Release) -> tuple[tuple[str, ...], ...]:
    """The configured commands, with the version and the tag in their places."""
    version, tag = release.version, release.tag
    return tuple(tuple(fill(part, version=version, tag=tag) for part in one) for one in release.settings.pre_release)


def artifacts(release: Release, origin: Origin) -> Finding:
    """Step 4: whether something is built, or kept bytes are used."""
    fixture = survey.find_fixture(release, origin)
    if fixture and fixture.artifacts:
        return Finding("artifacts", f"uses the {len(fixture.artifacts)} artifacts that were built and kept")
    branch = release.settings.branch
    apart, problems, warnings = look_at_isolation(release, "build")
    says = f"builds sdist and wheel from the release commit, pushes it to {branch!r}{apart}"
    return Finding("artifacts", says, problems, warnings)


def tests(release: Release, origin: Origin) -> Finding:
    """Step 5: whether a command runs, GitHub's checks are read (and may be), or a person gives evidence."""
    command, wanted = release.settings.test_command, release.settings.test_checks
    if command:
        apart, problems, warnings = look_at_isolation(release, "tests")
        says = f"runs `{' '.join(command)}` on a clean export of the release commit{apart}"
        return Finding("tests", says, problems, warnings)
    if wanted:
        github_checks.observe_checks(release.hub, origin.heads[release.settings.branch])
        return Finding("tests", f"waits for GitHub's checks {', '.join(wanted)} of the release commit")
    asks = _asks(release, "tests", needed=True)
    problems = (_UNTESTED,) if asks and _nobody_tells(release, survey.find_fixture(release, origin)) else ()
    says = "no test command is configured: a person says where the tests ran"
    return Finding("tests", says, problems, asks=asks)


def _nobody_tells(release: Release, fixture: Fixture | None) -> bool:
    """Whether every checkpoint is answered with yes, and neither request nor record says where the tests ran."""
    if not release.request.approve_all or release.request.tested.strip():
        return False
    return fixture is None or fixture.tests is None or not fixture.tests.source


def find_workflow(release: Release, origin: Origin) -> tuple[PublishWorkflow, dict[str, str], str]:
    """The publish workflow at the commit to release, with all workflow texts and that commit; refuses when none fits."""
    commit = survey.commit_to_release(origin, release, survey.find_fixture(release, origin))
    files = survey.workflow_texts(release, commit)
    inputs = workflows.fill_inputs(release.settings.dispatch_inputs, version=str(release.version), tag=release.tag)
    found = workflows.find_publish_workflow(
        files, wanted=release.settings.workflow, tag=release.tag, repository=release.slug, inputs=inputs
    )
    return found, files, commit


def release_share(release: Release, workflow: PublishWorkflow, files: dict[str, str]) -> ReleaseShare:
    """What of the GitHub release is left to workflows."""
    return workflows.share_release(files, workflow, tag=release.tag, repository=release.slug)


def publisher(release: Release, origin: Origin, project: IndexProject | None = None) -> Finding:
    """Step 6: the publish workflow fits the tag, and presents the claims that the index has seen before."""
    workflow, files, _ = find_workflow(release, origin)
    problems, warnings = workflows.check_workflow(
        files, workflow, tag=release.tag, repository=release.slug, environment=_expected_environment(release)
    )
    checked = {workflow.path: files[workflow.path]}
    broken, weak = workflow_checks.check(checked)
    problems += broken
    warnings += weak
    claims = workflows.claims_for(workflow, repository=release.slug, tag=release.tag)
    known = survey.previous_publisher(release, project or survey.look_at_index(release))
    problems += workflows.compare_claims(claims, known, stated=release.settings.publisher)
    moved = workflows.moved_from(claims, known)
    if release.settings.attestations == "require" and not workflow.attestations:
        problems += (_unattested(workflow.path),)
    says = f"{workflow.path} publishes, started by {workflow.trigger}, as {claims.owner}/{claims.repository}"
    says += f", environment {claims.environment or '(any)'}"
    says += "".join(f", {name} = {value!r} when started by hand" for name, value in workflow.inputs.items())
    says += f"; the last release was published by {moved}" if moved else ""
    asks = _asks(release, "publisher", needed=known is None) or bool(moved)
    return Finding("publisher", says, problems, warnings, asks=asks)


def release_environment(release: Release, origin: Origin) -> Finding:
    """Step 7: the token can do what the later steps need, and GitHub lets this tag publish."""
    workflow, files, commit = find_workflow(release, origin)
    hub = release.hub
    pushed = git.is_ancestor(release.workspace, commit, origin.heads[release.settings.branch])
    around = github.observe_surroundings(
        hub, workflow.file, workflow.environment, tag=release.tag, commit=commit if pushed else ""
    )
    wanted = Wanted(
        release.slug, release.tag, workflow.file, workflow.environment, has_token=bool(hub.token),
        actions_token=is_actions_token(hub.token, release.environ, around.rate),
    )  # fmt: skip
    problems = environment.check_environment(around, wanted)
    share = release_share(release, workflow, files)
    two_makers, notes = workflows.check_share(share, workflow, immutable=around.immutable)
    problems += two_makers
    if hub.token and origin.tags.get(release.tag) in {None, commit}:
        problems += git_remote.try_push_tag(
            release.workspace, release.origin_url, release.origin_token, commit, release.tag
        )
    fixture = survey.find_fixture(release, origin)
    is_made = fixture is not None and commit == fixture.release_commit
    skip = workflows.skip_instruction(git.read_commit(release.workspace, commit).message) if is_made else ""
    if skip:
        problems += (_skipped(commit, skip),)
    rows = environment.describe_environment(around)
    shown = markdown.table(("", ""), [(name, markdown.prose(value)) for name, value in rows])
    says = f"the token can push {release.tag} and make releases in {release.slug}"
    warnings = (*environment.environment_warnings(around, wanted), *notes)
    reviewed = around.environment is not None and around.environment.reviewers
    if release.settings.approvers and not release.settings.signed_approvals and not reviewed:
        warnings += (SAID,)
    return Finding("environment", says, problems, warnings, shown)


def export(release: Release, origin: Origin) -> Finding:
    """Step 8: at most one release with this tag, and a tag that is absent or ours."""
    problems: list[Problem] = []
    fixture = survey.find_fixture(release, origin)
    commit = fixture.release_commit if fixture else ""
    tagged = origin.tags.get(release.tag)
    if tagged is not None and tagged != commit:
        problems.append(_taken_tag(release.tag, tagged))
    share = ReleaseShare()
    try:
        workflow, files, _ = find_workflow(release, origin)
        share = release_share(release, workflow, files)
    except RefusedError as error:
        problems.extend(error.problems)
    if release.hub.token:
        try:
            found = releases.decide_draft(github_releases.find_releases(release.hub, release.tag), release.tag, commit)
        except RefusedError as error:
            problems.extend(error.problems)
        else:
            problems += releases.check_absence(
                found, left_to=share.words if share.leaves_release and not tagged else ""
            )
    says = f"{share.words}; " if share.words else ""
    says += _exported(release, share) if tagged is None else "the tag is out already"
    laxer = rule(release, origin).loosened
    known = tagged is not None and fixture is not None and fixture.tagged
    asks = (_asks(release, "publish", needed=False) or bool(laxer)) and not known
    return Finding("export", says, tuple(problems), tuple(f"{LAXER}: {one}" for one in laxer), asks=asks)


def _exported(release: Release, share: ReleaseShare) -> str:
    draft = "" if share.leaves_release else "makes the draft release, "
    return f"{draft}{'' if share.leaves_assets else 'uploads the artifacts, '}pushes {release.tag}"


def wait(release: Release, _origin: Origin) -> Finding:
    """Step 9: what is waited for."""
    longest = duration(release.settings.publish_timeout)
    return Finding("wait", f"follows the publish run of {release.tag}, for at most {longest}")


def record(release: Release, _origin: Origin) -> Finding:
    """Step 10: what is recorded, and where."""
    return Finding("record", f"compares what {release.index_url} shows, publishes the draft")


def logs(release: Release, _origin: Origin) -> Finding:
    """Step 11: what is kept of the logs."""
    return Finding("logs", f"keeps the run's upload lines, commits {release.fixture_path} and pushes it")


LAXER = "laxer than the rules of the previous release, whose people have to approve it"
SAID = (
    "approvers are named, and nothing proves who answers: any name may be typed; set signed-approvals, or name reviewers of"
    " the publishing environment on GitHub"
)
_UNTESTED = Problem(
    "every checkpoint shall be answered with yes, and nothing says where the tests ran",
    "a test command, GitHub's checks, or words on where the complete test suite ran",
    "set `test-command` or `test-checks` in [tool.lockgate], or add --tested LINK (`tested` in the form)",
)


def _unattested(path: str) -> Problem:
    return Problem(
        f"{path} publishes without attestations, and attestations is 'require'",
        "a publish action of v1.11 or later that is not told to leave them out",
        "correct the workflow, or set attestations under [tool.lockgate] in pyproject.toml to 'report'",
    )


def _skipped(commit: str, words: str) -> Problem:
    return Problem(
        f"the message of commit {commit[:12]} holds {words!r}, so GitHub starts no workflow for its tag",
        "a commit message without it", "push another commit without these words and start again",
    )  # fmt: skip


def _taken_tag(tag: str, commit: str) -> Problem:
    return Problem(
        f"tag {tag!r} is on origin already, at {commit[:12]}, and belongs to no release that Lockgate made",
        "a tag that does not exist yet; no tag is ever moved", "release another version",
    )  # fmt: skip


def _expected_environment(release: Release) -> str:
    """The environment that the project's settings name; a default is no expectation."""
    settings = release.settings
    return "" if settings.origins.get("environment") == "default" else settings.environment


def _asks(release: Release, checkpoint: str, *, needed: bool) -> bool:
    policy = release.settings.checkpoints[checkpoint]
    return policy == "always" or (policy == "when-needed" and needed)
