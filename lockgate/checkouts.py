"""Step 1's rules for the checkout that a person works in: on the branch, clean, nothing that origin does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from packaging.version import Version

from lockgate.errors import Problem
from lockgate.repository import Checkout, Commit
from lockgate.texts import one_line

TRAILER = "Lockgate-Release"
LISTED = 10


def release_message(subject: str, project: str, version: str, body: str = "") -> str:
    """A commit message of Lockgate's, with a trailer for people and `git log`: by itself it proves nothing.

    The subject may name files: it is one line of text, whatever they are called. The body is Lockgate's own.
    """
    return "\n\n".join(one for one in (one_line(subject), body, f"{TRAILER}: {project} {version}\n") if one)


def release_files(checkout: Checkout, patterns: Sequence[str]) -> tuple[str, ...]:
    """The edited files that may be committed without asking."""
    return tuple(path for path in checkout.dirty if allowed(path, patterns))


def check_checkout(
    checkout: Checkout, branch: str, patterns: Sequence[str], strange: Sequence[Commit]
) -> tuple[Problem, ...]:
    """Every reason why this checkout is not what is released: branch, operation in progress, edits, unpushed commits.

    `strange` are its commits that origin does not have and that Lockgate did not make.
    """
    problems = []
    if checkout.branch is None:
        problems.append(
            Problem(
                f"{checkout.path} is on no branch (detached HEAD)", f"the branch {branch!r}", f"git switch {branch}"
            )
        )
    elif checkout.branch != branch:
        problems.append(
            Problem(
                f"{checkout.path} is on branch {checkout.branch!r}", f"the branch {branch!r}", f"git switch {branch}"
            )
        )
    if checkout.operation:
        problems.append(
            Problem(f"a {checkout.operation} is in progress in {checkout.path}", "none", "finish it or abort it")
        )
    others = tuple(path for path in checkout.dirty if not allowed(path, patterns))
    if others:
        problems.append(
            Problem(
                f"{len(others)} changed or untracked files in {checkout.path}: {_some(others)}",
                "a clean tree; only release files may differ, and they are committed for you",
                "commit, stash or ignore them",
            )
        )
    if strange:
        listed = _some([f"{commit.sha[:9]} {commit.subject}" for commit in strange])
        problems.append(
            Problem(
                f"{len(strange)} local commits that origin does not have: {listed}",
                f"what is released is what origin's {branch!r} has",
                f"git push origin {branch}, or move them to another branch",
            )
        )
    return tuple(problems)


def check_local_tags(checkout: Checkout, taken: Mapping[Version, str], version: Version) -> tuple[Problem, ...]:
    """Whether the checkout has a tag of this version that origin does not have; `taken` are its versions with their tags."""
    if version not in taken:
        return ()
    tag = taken[version]
    return (
        Problem(
            f"{checkout.path} has a tag {tag!r} that origin does not have",
            f"no tag of {version} before its release: Lockgate makes it at the end",
            f"delete it with `git tag --delete {tag}` if it is a leftover, or take another version",
        ),
    )


def check_moved_main(since: Sequence[Commit], release_paths: Sequence[str]) -> tuple[Problem, ...]:
    """What other people's commits on top of the release commit mean for the tag.

    They may be there: the tag is on the commit that was built and tested. Only when they touch what the release itself
    wrote (version, fixture, what the pre-release commands changed) a person has to say which is right.
    """
    touching = [commit for commit in since if set(commit.paths) & {path for path in release_paths if path}]
    return tuple(
        Problem(
            f"commit {commit.sha[:9]} ({commit.subject}) changed {', '.join(sorted(set(commit.paths) & set(release_paths)))}"
            " after the release commit",
            "nobody else changes what the release commit of a release under way wrote",
            "revert that commit, or release the version that it states: `lockgate release --restart`",
        )
        for commit in touching
    )


def check_refs(before: Checkout, after: Checkout) -> tuple[Problem, ...]:
    """What the pre-release commands did besides editing files: commits, branches and tags are made by Lockgate alone."""
    done = [f"made or moved the tag {tag!r}" for tag in sorted(after.tags) if after.tags[tag] != before.tags.get(tag)]
    done += [f"deleted the tag {tag!r}" for tag in sorted(set(before.tags) - set(after.tags))]
    if after.branch != before.branch:
        done.append(f"went to {f'branch {after.branch!r}' if after.branch else 'no branch'}")
    if after.head != before.head:
        done.append(f"moved HEAD from {(before.head or 'none')[:12]} to {(after.head or 'none')[:12]}")
    if after.operation:
        done.append(f"left a {after.operation} in progress")
    if not done:
        return ()
    return (
        Problem(
            f"the pre-release commands {'; '.join(done)}",
            "edited files only: Lockgate makes the release commit, and the tag at the end",
            "tell the command not to commit and not to tag (`--no-commit --no-tag` for many), and start again",
        ),
    )


def allowed(path: str, patterns: Sequence[str]) -> bool:
    """Whether the path matches one of the patterns (as in fnmatch: `*` also crosses folders)."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
