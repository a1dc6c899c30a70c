"""A checkout on this machine, with real git."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import git as gitpython
import pytest
from git import exc

from clients import git
from clients.git_process import run_git, translate
from lockgate.errors import RefusedError, SettingsError
from lockgate.repository import Person

Run = Callable[..., str]


def hook(checkout: Path, name: str, script: str) -> None:
    """Give the checkout a hook, as its owner would."""
    file = checkout / ".git" / "hooks" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


# What is there.


def test_kinds_of_folders_are_told_apart(checkout: Path, origin: Path, tmp_path: Path) -> None:
    assert git.is_repository(checkout) == "checkout"
    assert git.is_repository(origin) == "bare"
    assert git.is_repository(checkout / "package") is None
    assert git.is_repository(origin / "refs") is None
    assert git.is_repository(tmp_path) is None
    assert git.is_repository(tmp_path / "absent") is None


def test_a_linked_worktree_is_a_checkout(checkout: Path, tmp_path: Path, run: Run) -> None:
    run(checkout, "git", "worktree", "add", "-q", str(tmp_path / "linked"))
    git.open_checkout(tmp_path / "linked")
    assert git.observe_checkout(tmp_path / "linked").branch == "linked"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder, _: folder / "package", "is not the top folder of a git checkout"),
        (lambda folder, _: folder.parent / "origin.git", "is a bare repository"),
        (lambda folder, _: folder.parent, "is not the top folder of a git checkout"),
        (
            lambda folder, run: (run(folder.parent, "git", "init", "-q", "new"), folder.parent / "new")[1],
            "has no commit yet",
        ),
    ],
)
def test_what_no_release_can_be_made_in_is_refused(
    make: Callable[[Path, Run], Path], words: str, checkout: Path, run: Run
) -> None:
    git.open_checkout(checkout)
    with pytest.raises(RefusedError, match=words):
        git.open_checkout(make(checkout, run))


def test_a_clean_checkout_is_clean(checkout: Path, run: Run) -> None:
    seen = git.observe_checkout(checkout)
    assert (seen.branch, seen.head) == ("main", run(checkout, "git", "rev-parse", "HEAD"))
    assert (seen.dirty, seen.operation, seen.shallow, seen.tags) == ((), None, False, {})


def test_every_path_that_is_not_as_committed_is_listed(checkout: Path, run: Run) -> None:
    (checkout / "VERSION").write_text("2\n")
    (checkout / "new folder").mkdir()
    (checkout / "new folder" / "Ü").write_text("x")
    run(checkout, "git", "mv", "package/ünï code.py", "moved.py")
    assert sorted(git.observe_checkout(checkout).dirty) == [
        "VERSION",
        "moved.py",
        "new folder/Ü",
        "package/ünï code.py",
    ]


def test_ignored_files_and_changed_modes_are_seen_as_git_sees_them(checkout: Path) -> None:
    (checkout / ".git" / "info" / "exclude").write_text("cache\n")
    (checkout / "cache").write_text("x")
    assert git.observe_checkout(checkout).dirty == ()
    (checkout / "VERSION").chmod(0o755)
    assert git.observe_checkout(checkout).dirty == ("VERSION",)


def test_a_detached_head_and_an_unfinished_merge_are_seen(
    checkout: Path, run: Run, other_push: Callable[[], str]
) -> None:
    theirs = other_push()
    run(checkout, "git", "fetch", "-q")
    (checkout / "mine").write_text("x")
    run(checkout, "git", "add", ".")
    run(checkout, "git", "commit", "-qm", "mine")
    run(checkout, "git", "merge", "-q", "--no-commit", "--no-ff", theirs)
    assert git.observe_checkout(checkout).operation == "merge"
    with pytest.raises(RefusedError, match=r"A merge is not finished in .* Next: Finish or abort it"):
        git.commit_files(checkout, ["VERSION"], "no")
    run(checkout, "git", "merge", "--abort")
    run(checkout, "git", "checkout", "-q", "--detach")
    assert git.observe_checkout(checkout).branch is None
    (checkout / "VERSION").write_text("2\n")
    with pytest.raises(RefusedError, match="on no branch"):
        git.commit_files(checkout, ["VERSION"], "no")


def test_local_tags_are_seen_as_commits_and_as_objects(checkout: Path, run: Run) -> None:
    run(checkout, "git", "tag", "light")
    run(checkout, "git", "tag", "-a", "-m", "x", "full")
    seen = git.observe_checkout(checkout)
    assert seen.tags == {"light": seen.head, "full": seen.head}
    assert seen.tag_objects["light"] == seen.head != seen.tag_objects["full"]


def test_observing_leaves_the_index_alone(checkout: Path) -> None:
    os.utime(checkout / "VERSION", (1, 1))
    index = checkout / ".git" / "index"
    before = index.read_bytes()
    git.observe_checkout(checkout)
    assert index.read_bytes() == before


def test_variables_of_another_git_do_not_mislead(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert git.observe_checkout(checkout).dirty == ()


def test_observing_works_from_many_threads(checkout: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(git.observe_checkout, [checkout] * 16))
    assert all(other == seen[0] for other in seen)


# Addresses.


def test_the_remotes_address_is_read_and_set(checkout: Path, origin: Path, run: Run) -> None:
    assert git.remote_url(checkout) == str(origin)
    git.set_remote_url(checkout, "https://host/o/n.git")
    assert git.remote_url(checkout) == "https://host/o/n.git"
    git.set_remote_url(checkout, "https://host/o/fork.git", "fork")
    assert git.remote_url(checkout, "fork") == "https://host/o/fork.git"
    run(checkout, "git", "remote", "set-url", "origin", "../origin.git")
    assert git.remote_url(checkout) == str(origin)


def test_a_missing_remote_and_one_with_a_password_are_refused(checkout: Path, run: Run) -> None:
    with pytest.raises(SettingsError, match="has no remote named 'upstream'"):
        git.remote_url(checkout, "upstream")
    run(checkout, "git", "remote", "set-url", "origin", "https://me:marker@host/o/n")
    with pytest.raises(RefusedError, match="holds a password") as caught:
        git.remote_url(checkout)
    assert "marker" not in str(caught.value)


# History.


def test_names_are_resolved_and_missing_ones_are_none(checkout: Path, run: Run) -> None:
    head = run(checkout, "git", "rev-parse", "HEAD")
    run(checkout, "git", "tag", "-a", "-m", "x", "v1")
    assert git.resolve(checkout, "v1") == git.resolve(checkout, "origin/main") == git.resolve(checkout, "HEAD") == head
    assert git.resolve(checkout, "absent") is None
    assert git.resolve(checkout, "0" * 40) is None


def test_commits_between_come_oldest_first_with_paths(
    checkout: Path, run: Run, other_push: Callable[[str], str]
) -> None:
    base = run(checkout, "git", "rev-parse", "HEAD")
    other_push("a b.txt")
    head = other_push("c.txt")
    run(checkout, "git", "fetch", "-q")
    first, second = git.commits_between(checkout, base, head)
    assert (first.subject, first.paths, first.parents) == ("Add a b.txt", ("a b.txt",), (base,))
    assert (second.sha, second.paths) == (head, ("c.txt",))
    assert git.commits_between(checkout, head, base) == ()
    assert git.ahead_behind(checkout, head, base) == (2, 0)
    assert git.is_ancestor(checkout, base, head)
    assert not git.is_ancestor(checkout, head, base)
    assert git.changed_files(checkout, base, head) == ("a b.txt", "c.txt")


def test_a_first_commit_is_read_with_message_time_and_paths(checkout: Path) -> None:
    commit = git.read_commit(checkout, "HEAD")
    assert (commit.subject, commit.message) == ("Begin", "Begin\n\nWith a body.")
    assert commit.paths == ("VERSION", "package/ünï code.py")
    assert commit.author_time == git.commit_time(checkout, commit.sha) > 1_600_000_000


def test_files_are_read_at_a_commit_and_in_the_working_tree(checkout: Path) -> None:
    (checkout / "VERSION").write_text("changed\n")
    assert git.read_file(checkout, "HEAD", "VERSION") == b"1.0.0\n"
    assert git.read_file(checkout, "HEAD", "absent") is None
    assert git.working_text(checkout, "VERSION") == "changed\n"
    assert git.working_text(checkout, "absent") is None
    assert git.list_files(checkout, "HEAD") == ("VERSION", "package/ünï code.py")


def test_a_file_not_yet_committed_is_no_file_of_the_commit(checkout: Path) -> None:
    (checkout / "new").write_text("x")
    assert git.read_file(checkout, "HEAD", "new") is None


@pytest.mark.parametrize(
    ("name", "words"), [("../x", "leads out"), ("package", "cannot be read"), ("bytes", "cannot be read")]
)
def test_what_is_no_text_of_the_checkout_is_refused(name: str, words: str, checkout: Path) -> None:
    (checkout / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(RefusedError, match=words):
        git.working_text(checkout, name)


def test_missing_commits_are_refused(checkout: Path) -> None:
    with pytest.raises(RefusedError, match=r"failed \("):
        git.is_ancestor(checkout, "HEAD", "0" * 40)
    with pytest.raises(RefusedError, match="no name of a commit"):
        git.read_commit(checkout, "--output=x")
    with pytest.raises(RefusedError, match=r"failed \("):
        git.read_file(checkout, "0" * 40, "VERSION")


# Forward.


def test_a_checkout_is_moved_forward_once(checkout: Path, run: Run, other_push: Callable[[], str]) -> None:
    theirs = other_push()
    run(checkout, "git", "fetch", "-q")
    git.fast_forward(checkout, theirs)
    git.fast_forward(checkout, theirs)
    assert git.observe_checkout(checkout).head == theirs
    assert (checkout / "other.txt").is_file()


def test_a_dirty_checkout_and_a_diverged_branch_are_not_moved(
    checkout: Path, run: Run, other_push: Callable[[], str]
) -> None:
    theirs = other_push()
    run(checkout, "git", "fetch", "-q")
    (checkout / "mine").write_text("x")
    with pytest.raises(RefusedError, match=r"not committed: mine\. Expected: a clean checkout"):
        git.fast_forward(checkout, theirs)
    run(checkout, "git", "add", "mine")
    run(checkout, "git", "commit", "-qm", "mine")
    head = git.resolve(checkout, "HEAD")
    with pytest.raises(RefusedError, match="have gone different ways"):
        git.fast_forward(checkout, theirs)
    assert git.resolve(checkout, "HEAD") == head


# Commits.


def test_exactly_the_given_files_are_committed(checkout: Path, run: Run) -> None:
    (checkout / "VERSION").write_text("2\n")
    (checkout / "releases").mkdir()
    (checkout / "releases" / "2 *.json").write_text("{}")
    (checkout / "releases" / "2 not this.json").write_text("{}")
    (checkout / "staged").write_text("mine")
    run(checkout, "git", "add", "staged")
    (checkout / "package" / "ünï code.py").write_text("mine")
    before = git.resolve(checkout, "HEAD")
    sha = git.commit_files(checkout, ["VERSION", "releases/2 *.json"], "Release 2", Person("Bot", "bot@example.org"))
    commit = git.read_commit(checkout, sha)
    assert (commit.subject, commit.paths, commit.parents) == ("Release 2", ("VERSION", "releases/2 *.json"), (before,))
    assert run(checkout, "git", "log", "-1", "--format=%an %ce") == "Bot bot@example.org"
    assert run(checkout, "git", "diff", "--cached", "--name-only") == "staged"
    assert set(git.observe_checkout(checkout).dirty) == {"staged", "package/ünï code.py", "releases/2 not this.json"}


def test_a_name_that_git_would_take_for_a_pattern_is_a_name(checkout: Path) -> None:
    (checkout / ":!notes").write_text("x")
    (checkout / "mine").write_text("x")
    sha = git.commit_files(checkout, [":!notes"], "x")
    assert git.read_commit(checkout, sha).paths == (":!notes",)


def test_nothing_is_committed_when_nothing_differs(checkout: Path) -> None:
    head = git.resolve(checkout, "HEAD")
    assert git.commit_files(checkout, ["VERSION", "absent"], "no") == head


def test_a_removed_file_is_committed_as_removed(checkout: Path) -> None:
    (checkout / "VERSION").unlink()
    sha = git.commit_files(checkout, ["VERSION"], "Remove")
    assert git.list_files(checkout, sha) == ("package/ünï code.py",)
    assert git.commit_files(checkout, ["VERSION"], "again") == sha


def test_a_hook_that_declines_is_explained_in_its_own_words(checkout: Path) -> None:
    hook(checkout, "pre-commit", "echo 'lint says no' >&2; exit 1")
    (checkout / "VERSION").write_text("2\n")
    head = git.resolve(checkout, "HEAD")
    with pytest.raises(RefusedError, match="lint says no"):
        git.commit_files(checkout, ["VERSION"], "no")
    assert git.resolve(checkout, "HEAD") == head
    assert (checkout / "VERSION").read_text() == "2\n"


def test_a_hook_sees_no_token(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "marker")
    hook(checkout, "pre-commit", "env > seen.txt")
    (checkout / "VERSION").write_text("2\n")
    git.commit_files(checkout, ["VERSION"], "x")
    assert "HOME=" in (checkout / "seen.txt").read_text()
    assert "marker" not in (checkout / "seen.txt").read_text()


def test_a_hook_that_slips_in_another_file_is_noticed(checkout: Path) -> None:
    hook(checkout, "pre-commit", "echo x > slipped; git add slipped")
    (checkout / "VERSION").write_text("2\n")
    with pytest.raises(RefusedError, match=r"does not hold what was to be committed: slipped.*not pushed"):
        git.commit_files(checkout, ["VERSION"], "x")


def test_a_file_that_git_was_told_to_take_for_unchanged_is_committed_all_the_same(checkout: Path, run: Run) -> None:
    run(checkout, "git", "update-index", "--assume-unchanged", "VERSION")
    (checkout / "VERSION").write_text("2\n")
    sha = git.commit_files(checkout, ["VERSION"], "x")
    assert git.read_file(checkout, sha, "VERSION") == b"2\n"


def test_ignored_files_missing_identity_and_locks_are_refused_with_what_to_do(
    checkout: Path, person: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / ".git" / "info" / "exclude").write_text("*.json\n")
    (checkout / "x.json").write_text("{}")
    with pytest.raises(RefusedError, match=r"ignored by one of your \.gitignore"):
        git.commit_files(checkout, ["x.json"], "x")
    (checkout / "VERSION").write_text("2\n")
    lock = checkout / ".git" / "index.lock"
    lock.touch()
    with pytest.raises(RefusedError, match=r"index.lock.*Next: Wait for the other git"):
        git.commit_files(checkout, ["VERSION"], "x")
    lock.unlink()
    (person / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    with pytest.raises(RefusedError, match=r"Next: Set `git config user.name`"):
        git.commit_files(checkout, ["VERSION"], "x")


def test_what_a_commit_id_holds_is_kept_and_a_name_is_looked_up_each_time(checkout: Path) -> None:
    commit = git.read_commit(checkout, "HEAD").sha
    kept = (
        git.read_file(checkout, commit, "VERSION"),
        git.list_files(checkout, commit),
        git.read_file(checkout, commit, "x"),
    )
    assert git.read_file(checkout, "main", "VERSION") == b"1.0.0\n"
    (checkout / "VERSION").write_text("2\n")
    git.commit_files(checkout, ["VERSION"], "x")
    assert git.read_file(checkout, "main", "VERSION") == b"2\n"
    (checkout / ".git").rename(checkout / "gone")
    assert (git.read_file(checkout, commit, "VERSION"), git.list_files(checkout, commit)) == kept[:2]
    assert kept[2] is None
    with pytest.raises(RefusedError, match="Reading VERSION of main"):
        git.read_file(checkout, "main", "VERSION")


# The calls themselves.


def _subclasses(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _subclasses(child))]


ARGUMENTS: dict[type[BaseException], tuple[object, ...]] = {
    exc.GitError: ("words",),
    exc.InvalidGitRepositoryError: ("words",),
    exc.WorkTreeRepositoryUnsupported: ("words",),
    exc.NoSuchPathError: ("words",),
    exc.UnsafeProtocolError: ("words",),
    exc.UnsafeOptionError: ("words",),
    exc.CommandError: (["git"], 1),
    exc.GitCommandNotFound: (["git"], "not found"),
    exc.GitCommandError: (["git"], 1),
    exc.HookExecutionError: (["git"], 1),
    exc.CheckoutError: ("words", [], [], []),
    exc.CacheError: ("words",),
    exc.UnmergedEntriesError: ("words",),
    exc.RepositoryDirtyError: ("repository", "words"),
}


def test_every_error_of_gitpython_becomes_a_refusal_that_names_it() -> None:
    """A class that a later GitPython adds fails here until its place is decided."""
    assert {kind for kind in _subclasses(gitpython.GitError) if kind.__module__ == exc.__name__} == set(ARGUMENTS)
    for kind, arguments in ARGUMENTS.items():
        error = translate(cast("gitpython.GitError", kind(*arguments)))
        assert isinstance(error, RefusedError)
        assert kind.__name__ in str(error)


def test_a_missing_git_is_named(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match=r"\(no git\).*Next: Install git"):
        git.observe_checkout(checkout)


def test_a_call_that_hangs_is_ended(checkout: Path) -> None:
    status, _, error = run_git(checkout, "-c", "alias.wait=!sleep 60", "wait", seconds=0.2)
    assert status < 0
    assert "did not complete in 0.2 secs" in error


def test_git_ends_with_the_process_that_started_it(checkout: Path, tmp_path: Path) -> None:
    """git reads from a pipe; the pipe has no reader any more once the process that started git was killed."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    call = f"run_git(Path({str(checkout)!r}), 'hash-object', '--no-filters', '--', {str(fifo)!r})"
    script = f"from pathlib import Path; from clients.git_process import run_git; {call}"
    child = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    with fifo.open("wb", buffering=0) as pipe:
        child.kill()
        child.wait(10)
        with pytest.raises(BrokenPipeError):
            until_refused(lambda: pipe.write(b"x"))


def until_refused(act: Callable[[], object], seconds: float = 10.0) -> None:
    """Repeat `act` until it raises, at most this long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        act()
