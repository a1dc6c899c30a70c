"""Bad input through the real command: its exit code, its words as docs/errors.md gives them, and nothing lost or half changed.

Each row of the document's tables is a case here and the other way round; `…` in a cell stands for what differs from one
machine to the next.
"""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.faults import Fault

ERRORS = Path(__file__).parent.parent.parent / "docs" / "errors.md"
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
CASES: dict[str, tuple[Callable, tuple[str, ...]]] = {}


@dataclass(frozen=True)
class Row:
    """A row of the document: what is wrong, the exit code, the step, and the three parts of the message."""

    code: int
    step: int
    seen: str
    expected: str
    next: str


def rows() -> dict[str, Row]:
    """The rows of the document's tables by what is wrong."""
    found = {}
    for line in ERRORS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6 and cells[1].isdecimal():
            found[cells[0]] = Row(int(cells[1]), int(cells[2]), *cells[3:])
    return found


PUSHED = {("origin", "refs/heads/main"), ("origin", "HEAD")}
LEFT = {
    "tests that fail": PUSHED,
    "a publish run that fails": PUSHED | {("origin", "refs/tags/v1.0.1"), ("releases", ""), ("runs", "")},
}
"""What a refused release leaves changed, as the document says; nothing for the others."""

QUICK = {
    "a version that is none", "a setting that does not exist", "edited and new files", "no token", "the index does not answer",
    "checkpoints and no terminal",
}  # fmt: skip
"""One of each kind; the others are slow."""


def case(what: str, *words: str):
    """Register what the decorated function prepares as the case of this name; the words are given to the command."""

    def register(prepare: Callable) -> Callable:
        CASES[what] = (prepare, words or ("plan", "patch"))
        return prepare

    return register


@case("no folder and no URL", "plan", "patch", "--repository", "nowhere")
@case("a version that is none", "plan", "1..2")
@case("a local version", "plan", "1.0+local")
@case("a version that was released", "plan", "1.0.0")
@case("an older version", "plan", "0.9")
@case("a commit to go on with, of no release", "plan", "1.1.0", "--continue", "1f0c9d2")
@case("an unknown branch", "plan", "patch", "--branch", "nope")
@case("checkpoints and no terminal", "release", "patch")
@case("--sandbox and no repository", "plan", "patch", "--repository", "nowhere", "--sandbox", "new")
def nothing(desk):
    """The desk as it is."""


@case("not a repository", "plan", "patch", "--repository", "../plain")
def plain_folder(desk):
    (desk.checkout.parent / "plain").mkdir()


@case("a repository without a remote", "plan", "patch", "--repository", "../alone")
@case("an empty repository, for a sandbox", "plan", "patch", "--repository", "../alone", "--sandbox", "../new")
def lonely_repository(desk):
    desk.git("init", "--quiet", "../alone")


@case("an empty origin")
def empty_origin(desk):
    origin = desk.world.folder / "origin.git"
    for name in desk.git("for-each-ref", "--format=%(refname)", at=origin).split():
        desk.git("update-ref", "-d", name, at=origin)


@case("no pyproject.toml")
def no_pyproject(desk):
    desk.git("rm", "--quiet", "pyproject.toml")
    desk.push()


@case("a pyproject.toml that is no TOML")
def broken_pyproject(desk):
    desk.write("pyproject.toml", "[project\n")
    desk.push()


@case("a setting that does not exist")
def unknown_setting(desk):
    settings(desk, "tag-fromat = 'v{version}'")


@case("a detached HEAD")
def detached(desk):
    desk.git("checkout", "--quiet", "--detach")


@case("another branch")
def other_branch(desk):
    desk.git("switch", "--quiet", "--create", "feature")


@case("a merge in progress")
def merging(desk):
    desk.git("switch", "--quiet", "--create", "theirs")
    desk.write("VERSION", "3.0.0\n")
    desk.git("commit", "--quiet", "--all", "-m", "Theirs")
    desk.git("switch", "--quiet", "main")
    desk.write("VERSION", "2.0.0\n")
    desk.push("Ours")
    subprocess.run(["git", "merge", "theirs"], cwd=desk.checkout, env=desk.environ, capture_output=True, timeout=60)


@case("edited and new files")
def dirty(desk):
    desk.write("src/lockgate_sample/days.py", "edited\n")
    desk.write("new.txt", "new\n")


@case("commits that origin does not have")
def ahead(desk):
    desk.write("new.txt", "new\n")
    desk.git("add", "--all")
    desk.git("commit", "--quiet", "-m", "Not pushed")


@case("on the index in another spelling", "plan", "2.0.0")
def other_spelling(desk):
    desk.world.publish_file("lockgate-sample", wheel(desk, "2.0"))


@case("yanked from the index", "plan", "2.0.0")
def yanked(desk):
    desk.world.publish_file("lockgate-sample", wheel(desk, "2.0.0"), yanked="broken")


@case("an archived project")
def archived(desk):
    desk.world.publish_file("lockgate-sample", wheel(desk, "0.9"))
    desk.world.set_project_status("lockgate-sample", "archived")


@case("no token")
def no_token(desk):
    del desk.environ["GH_TOKEN"]


@case("a wrong token")
def wrong_token(desk):
    desk.environ["GH_TOKEN"] = "ghp_wrong"


@case("a token that may only read")
def powerless_token(desk):
    desk.world.grant(contents="read")


@case("origin does not answer")
def no_origin(desk):
    desk.git("remote", "set-url", "origin", f"{NOBODY}/example/lockgate-sample.git")
    desk.environ["GITHUB_SERVER_URL"] = NOBODY


@case("an origin that is not on the GitHub server")
def origin_elsewhere(desk):
    desk.git("remote", "set-url", "origin", "https://mirror.test/example/lockgate-sample.git")


@case("GitHub does not answer")
def no_github(desk):
    desk.environ["GITHUB_API_URL"] = NOBODY


@case("the index does not answer")
def no_index(desk):
    desk.environ["LOCKGATE_INDEX_URL"] = f"{NOBODY}/simple/"


@case("no publish workflow")
def no_workflow(desk):
    desk.git("rm", "--quiet", ".github/workflows/publish.yml")
    desk.push()


@case("a tag that stands elsewhere on origin only", "plan", "1.1.0")
def foreign_tag(desk):
    desk.git("tag", "v1.1.0", "v1.0.0^{commit}")
    desk.git("push", "--quiet", "origin", "v1.1.0")
    desk.git("tag", "--delete", "v1.1.0")


@case("a word, and nothing new", "plan", "patch")
def nothing_new(desk):
    desk.git("tag", "v1.0.1")
    desk.git("push", "--quiet", "origin", "v1.0.1")


@case("yes to everything, and nothing on the tests", "release", "patch", "--yes")
def nothing_on_the_tests(desk):
    pass


@case("a build that fails", "release", "patch", "--yes", "--tested", "here")
def broken_build(desk):
    pyproject = (desk.checkout / "pyproject.toml").read_text()
    desk.write("pyproject.toml", pyproject.replace('readme = "README.md"', 'readme = "MISSING.md"'))
    desk.push()


@case("tests that fail", "release", "patch", "--yes", "--tested", "here")
def failing_tests(desk):
    settings(desk, "test-command = ['python', '-c', 'raise SystemExit(\"1 of 7 failed\")']")


@case("a publish run that fails", "release", "patch", "--yes", "--tested", "here")
def failing_publish(desk):
    desk.world.faults.add(Fault("failed-publish", options={"text": "HTTPError: 400 Bad Request"}))


@case("a pre-release command that changes other files", "release", "patch", "--yes", "--tested", "here")
def meddling_command(desk):
    settings(desk, "pre-release = [['python', '-c', 'open(\"extra.txt\", \"w\").close()']]")


def settings(desk, text):
    """Add a line to [tool.lockgate], and push it."""
    with (desk.checkout / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.lockgate]\n{text}\n")
    desk.push("Configure Lockgate")


def wheel(desk, version):
    """A small wheel of the sample, made by hand."""
    path = desk.checkout.parent / f"lockgate_sample-{version}-py3-none-any.whl"
    stem = f"lockgate_sample-{version}.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lockgate_sample/__init__.py", "")
        archive.writestr(f"{stem}/METADATA", f"Metadata-Version: 2.1\nName: lockgate-sample\nVersion: {version}\n")
        archive.writestr(f"{stem}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}/RECORD", "")
    path.write_bytes(content.getvalue())
    return path


def matches(cell: str, text: str) -> bool:
    """Whether a message is the one of a cell; `…` stands for anything."""
    pattern = re.escape(cell).replace("…", ".+")
    return re.fullmatch(pattern, " ".join(text.split())) is not None


def check(what: str, desk) -> set[tuple[str, str]]:
    """Play a case and compare its message with the document's; gives what changed of all that could be lost: kind and name."""
    prepare, words = CASES[what]
    prepare(desk)
    desk.world.wait_idle(60)
    before = desk.seen()
    ended = desk.run(*words, "--json")
    row, refusals = rows()[what], ended.data["refusals"]
    assert (ended.code, ended.data["exit_code"]) == (row.code, row.code), ended.err
    told = [one for one in refusals if one["step"] == row.step and matches(row.seen, one["seen"])]
    assert len(told) == 1, refusals
    assert matches(row.expected, told[0]["expected"]), told
    assert matches(row.next, told[0]["next"]), told
    for part in (told[0]["seen"].splitlines()[0], told[0]["expected"], told[0]["next"]):
        assert part in ended.err
    return set(differences(before, desk.seen()))


def differences(before: dict, after: dict) -> Iterator[tuple[str, str]]:
    """What differs between two looks at the desk: files and refs by name, releases and runs as such."""
    for kind in before:
        if isinstance(before[kind], dict):
            names = before[kind].keys() | after[kind].keys()
            yield from ((kind, name) for name in names if before[kind].get(name) != after[kind].get(name))
        elif before[kind] != after[kind]:
            yield kind, ""


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=[] if what in QUICK else [pytest.mark.slow])
        for what, (_, words) in CASES.items()
        if words[0] == "plan"
    ],
)
def test_the_plan_says_what_is_in_the_way_and_changes_nothing(what: str, desk) -> None:
    assert check(what, desk) == set()


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=[] if what in QUICK else [pytest.mark.slow])
        for what, (_, words) in CASES.items()
        if words[0] == "release"
    ],
)
def test_a_release_that_is_refused_changes_nothing_that_counts(what: str, desk_with_prefect) -> None:
    assert check(what, desk_with_prefect) == LEFT.get(what, set())


def test_every_row_of_the_document_is_a_case() -> None:
    assert set(rows()) == set(CASES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["tests that fail", "a build that fails", "a pre-release command that changes other files"]
)
def test_what_was_put_right_is_released_at_the_next_start(what: str, desk_with_prefect) -> None:
    desk = desk_with_prefect
    pyproject = (desk.checkout / "pyproject.toml").read_text()
    check(what, desk)
    desk.git("pull", "--quiet", "--rebase", "origin", "main")
    desk.write("pyproject.toml", pyproject)
    desk.push("Put it right")
    put_right = desk.git("rev-parse", "HEAD").strip()
    ended = desk.run("release", "patch", "--yes", "--tested", "here", "--json")
    assert ended.code == 0, ended.err
    desk.git("fetch", "--quiet", "--tags", "origin")
    desk.git("merge-base", "--is-ancestor", put_right, "v1.0.1^{commit}")
