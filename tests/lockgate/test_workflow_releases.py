"""Who makes the GitHub release: one party, and which one is known before the tag."""

from __future__ import annotations

import textwrap

import pytest

from lockgate.workflows import ReleaseShare, check_share, find_publish_workflow, share_release

FOLDER = ".github/workflows"
PATH = f"{FOLDER}/publish.yml"
OTHER = f"{FOLDER}/other.yml"
TAG = "v1.2.3"
SLUG = "octo/sample"
PUSHED = "{push: {tags: ['v*']}}"
PUBLISHED = "{release: {types: [published]}}"
CREATE = "gh release create $TAG dist/*"
BARE = "gh release create $TAG --generate-notes"
ATTACH = "gh release upload $TAG dist/*"
FETCH = "gh release download $TAG --dir dist"


def text(on: str, *commands: str, publishes: bool = False) -> str:
    """A workflow with these commands in one job, and the publishing job when it publishes."""
    steps = "".join(f"      - run: {command}\n" for command in commands)
    jobs = f"  work:\n    runs-on: ubuntu-latest\n    steps:\n{steps}" if commands else ""
    publish = """
      publish:
        runs-on: ubuntu-latest
        steps:
          - uses: pypa/gh-action-pypi-publish@v1.13.0
    """
    jobs += textwrap.indent(textwrap.dedent(publish), "  ") if publishes else ""
    return f"on: {on}\njobs:\n{jobs}"


def look(publish: str, other: str = "", immutable: bool | None = False) -> tuple[ReleaseShare, str, str]:
    files = {PATH: publish, **({OTHER: other} if other else {})}
    found = find_publish_workflow(files, wanted="publish.yml", tag=TAG, repository=SLUG)
    share = share_release(files, found, tag=TAG, repository=SLUG)
    problems, warnings = check_share(share, found, immutable=immutable)
    return share, "\n".join(map(str, problems)), "\n".join(warnings)


def publishing(on: str = PUSHED, *commands: str) -> str:
    return text(on, *commands, publishes=True)


@pytest.mark.parametrize(
    ("publish", "other", "release", "assets", "words"),
    [
        (publishing(), "", False, False, ""),
        (publishing(), text(PUSHED, "make"), False, False, ""),
        (publishing(PUSHED, CREATE), "", True, True, f"{PATH} makes the GitHub release and its assets"),
        (publishing(PUSHED, BARE), "", True, True, f"{PATH} makes the GitHub release and its assets"),
        (publishing(PUSHED, ATTACH), "", False, True, f"{PATH} uploads the release's assets"),
        (publishing(), text(PUSHED, CREATE), True, True, f"{OTHER} makes the GitHub release and its assets"),
        (publishing(), text(PUSHED, ATTACH), False, True, f"{OTHER} uploads the release's assets"),
        (publishing(), text(PUBLISHED, ATTACH), False, False, ""),
        (publishing(PUBLISHED, ATTACH), "", False, True, f"{PATH} uploads the release's assets"),
        (publishing(PUBLISHED, CREATE), "", False, True, f"{PATH} uploads the release's assets"),
        (publishing("workflow_dispatch", CREATE), "", True, True, f"{PATH} makes the GitHub release and its assets"),
        (publishing(), text("workflow_dispatch", CREATE), False, False, ""),
        (publishing(), text("{push: {branches: [main]}}", CREATE), False, False, ""),
    ],
)
def test_what_a_workflow_does_is_left_to_it(publish: str, other: str, release: bool, assets: bool, words: str) -> None:
    share, problems, warnings = look(publish, other)
    assert (share.leaves_release, share.leaves_assets, share.words) == (release, assets, words)
    assert problems == ""
    assert ("step 8 leaves that to it" in warnings) == bool(words)


def making(permissions: str, *commands: str, token: str = "secrets.GITHUB_TOKEN") -> str:
    """A workflow whose job has these permissions, and gets this token."""
    job = f"    permissions: {permissions}\n    env: {{GH_TOKEN: '${{{{ {token} }}}}'}}\n    steps:"
    return text(PUSHED, *commands).replace("    steps:", job)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (making("{contents: read}", CREATE), True),
        (making("{}", ATTACH), True),
        (making("read-all", CREATE), True),
        (making("{contents: write}", CREATE), False),
        (making("write-all", CREATE), False),
        (making("{contents: read}", CREATE, token="secrets.RELEASE_TOKEN"), False),
        (making("{contents: read}", CREATE, token="steps.app.outputs.token"), False),
        (making("{contents: read}", "make"), False),
        (text(PUSHED, CREATE), False),
        (f"permissions: {{contents: read}}\n{text(PUSHED, CREATE)}", True),
    ],
)
def test_a_job_that_may_not_change_the_release_is_told_before_the_tag(other: str, told: bool) -> None:
    _, problems, warnings = look(publishing(), other)
    assert problems == ""
    assert (f"{OTHER} changes the release in a job without `permissions: contents: write`" in warnings) == told


@pytest.mark.parametrize(
    ("publish", "other", "seen"),
    [
        (publishing(PUSHED, CREATE), text(PUSHED, CREATE), f"{OTHER} and {PATH} each make the GitHub release"),
        (publishing(PUBLISHED), text(PUSHED, CREATE), f"{OTHER} makes the GitHub release when the tag is pushed, and"),
        (publishing("{push: {tags: ['v*']}, release: }", CREATE), "", ""),
    ],
)
def test_two_makers_of_one_release_are_refused(publish: str, other: str, seen: str) -> None:
    _, problems, _ = look(publish, other)
    assert seen in problems
    assert bool(problems) == bool(seen)


def test_assets_that_are_published_must_be_there_before() -> None:
    """The publishing job takes the release's files; who makes the release beside it makes it too late, or twice."""
    fetching = publishing().replace("steps:\n", f"steps:\n      - run: {FETCH}\n")
    _, problems, _ = look(fetching, text(PUSHED, CREATE))
    assert f"{PATH} publishes the release's assets, and {OTHER} makes that release, not before that" in problems
    share, problems, warnings = look(fetching, text(PUSHED, ATTACH))
    assert (share.leaves_assets, problems) == (False, "")
    assert f"{OTHER} uploads to the release at the push of tag {TAG}, where the built files are already" in warnings


def test_runs_that_nobody_follows_are_waited_for() -> None:
    share, _, warnings = look(publishing(PUSHED, CREATE), text(PUBLISHED, ATTACH))
    assert [(part.path, part.event) for part in share.awaited] == [(OTHER, "release")]
    assert f"{OTHER} uploads to the release at the publication of release {TAG} (published)" in warnings
    share, _, _ = look(publishing(), text(PUSHED, CREATE))
    assert [(part.path, part.event) for part in share.awaited] == [(OTHER, "push")]


@pytest.mark.parametrize(
    ("publish", "other", "seen"),
    [
        (publishing(PUBLISHED, ATTACH), "", f"{PATH} uploads to the release after it is public"),
        (publishing(), text(PUBLISHED, ATTACH), f"{OTHER} uploads to the release after it is public"),
        (publishing(PUSHED, BARE), "", f"{PATH} makes the release without its files"),
        (publishing(PUSHED, CREATE), "", ""),
        (publishing(PUSHED, ATTACH), "", ""),
    ],
)
def test_a_release_that_freezes_must_have_its_files_before(publish: str, other: str, seen: str) -> None:
    _, problems, _ = look(publish, other, immutable=True)
    assert seen in problems
    assert bool(problems) == bool(seen)
    _, problems, warnings = look(publish, other, immutable=None)
    assert problems == ""
    assert ("whether they are cannot be seen" in warnings) == bool(seen)


def test_the_steps_of_a_called_workflow_count() -> None:
    caller = f"on: {PUSHED}\njobs:\n  announce:\n    uses: ./{FOLDER}/announce.yml\n"
    files = {PATH: publishing(), OTHER: caller, f"{FOLDER}/announce.yml": text("workflow_call", CREATE)}
    found = find_publish_workflow(files, wanted="publish.yml", tag=TAG, repository=SLUG)
    share = share_release(files, found, tag=TAG, repository=SLUG)
    assert [part.path for part in share.created_by] == [OTHER]
