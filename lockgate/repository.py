"""What is seen of a checkout and of origin, and the rules that need nothing else.

The parsers read git's machine formats (git-status(1) "Porcelain Format Version 2", git-ls-remote(1), git-push(1)
"OUTPUT", git-log(1) with NUL separators).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lockgate.documents import LONGEST
from lockgate.errors import Problem
from lockgate.lines import lines_of

_PEELED: Final = "^{}"

LOG_FORMAT: Final = "%H%x00%at%x00p%P%x00m%B%x00"
# git lists names in byte order, so no set of file names in a commit can pass for "p…" followed by "m…".
_LOG_ENTRY: Final = re.compile(
    r"(?:^|(?<=\0))(?P<sha>[0-9a-f]{40,64})\0(?P<time>\d+)\0p(?P<parents>[0-9a-f ]*)\0m(?P<message>[^\0]*)\0"
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree as it is now: `branch` is None when detached, `head` None without a commit.

    `dirty` holds every changed, staged, unmerged or untracked path (both names of a rename); `operation` names an
    unfinished rebase, merge, … ; `tags` are the commits and `tag_objects` the objects the local tags point at.
    """

    path: str
    branch: str | None
    head: str | None
    dirty: tuple[str, ...] = ()
    operation: str | None = None
    shallow: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    tag_objects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """What origin answers: branches, tags as commits (peeled) and as objects, and the branch HEAD names."""

    heads: Mapping[str, str]
    tags: Mapping[str, str]
    tag_objects: Mapping[str, str]
    default_branch: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `author_time` in seconds since 1970; `paths` are those that differ from its first parent."""

    sha: str
    subject: str
    message: str
    author_time: int
    paths: tuple[str, ...]
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Who a commit or tag is made by."""

    name: str
    email: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that git reads it from (git-commit(1), "COMMIT INFORMATION")."""
        names = {f"GIT_{role}_NAME": self.name for role in ("AUTHOR", "COMMITTER")}
        return {**names, **{f"GIT_{role}_EMAIL": self.email for role in ("AUTHOR", "COMMITTER")}}


@dataclass(frozen=True, slots=True)
class PushedRef:
    """One line of `git push --porcelain`: flag (" ", "*", "=", "!", "+", "-"), target ref, summary."""

    flag: str
    ref: str
    summary: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a commit has at a path: mode, object and size as git-ls-tree(1) tells them."""

    name: str
    mode: str
    blob: str
    size: int

    @property
    def is_plain(self) -> bool:
        """Whether it is a file, executable or not."""
        return self.mode.startswith("100")

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link: what git holds of it is where it leads."""
        return self.mode == "120000"

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of the repository's own."""
        return self.mode == "040000"


def why_not_read(entry: Entry) -> str:
    """What keeps this from being read as a file of the repository, in words; "" for a plain file that is not too large."""
    if entry.is_plain:
        return f"too large, with {entry.size} bytes" if entry.size > LONGEST else ""
    return "a link" if entry.is_link else "a folder" if entry.is_folder else "a submodule"


def parse_tree(text: str) -> tuple[Entry, ...]:
    """Read the output of `git ls-tree -z -l`: what a commit has, by its paths."""
    found = []
    for line in text.split("\0")[:-1]:
        facts, _, name = line.partition("\t")
        mode, _, blob, size = facts.split()
        found.append(Entry(name, mode, blob, int(size) if size.isdigit() else 0))
    return tuple(found)


def parse_status(text: str) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Read `git status --porcelain=v2 --branch -z`: branch, head and the paths that are not as committed."""
    branch = head = None
    dirty: list[str] = []
    fields = iter(text.split("\0"))
    for entry in fields:
        if entry.startswith("# branch.oid "):
            head = None if entry.endswith(" (initial)") else entry.rpartition(" ")[2]
        elif entry.startswith("# branch.head "):
            branch = None if entry.endswith(" (detached)") else entry.removeprefix("# branch.head ")
        else:
            dirty.extend(_entry_paths(entry, fields))
    return branch, head, tuple(dict.fromkeys(dirty))


def parse_refs(text: str) -> Origin:
    """Read `git ls-remote --symref` (or `git show-ref -d`, which differs only in its blank)."""
    default, heads, tags, objects = None, {}, {}, {}
    for line in lines_of(text):
        value, _, name = line.replace("\t", " ").rpartition(" ")
        if name == "HEAD" and value.startswith("ref: refs/heads/"):
            default = value.removeprefix("ref: refs/heads/")
        elif name.startswith("refs/heads/"):
            heads[name.removeprefix("refs/heads/")] = value
        elif name.startswith("refs/tags/") and name.endswith(_PEELED):
            tags[name.removeprefix("refs/tags/").removesuffix(_PEELED)] = value
        elif name.startswith("refs/tags/"):
            objects[name.removeprefix("refs/tags/")] = value
    return Origin(heads, {**objects, **tags}, objects, default)


def parse_push(text: str) -> tuple[PushedRef, ...]:
    """Read the lines about refs in the output of `git push --porcelain`."""
    lines = (line.split("\t") for line in lines_of(text) if re.match(r"[ +*=!-]\t[^\t]*\t", line))
    return tuple(PushedRef(flag, refs.rpartition(":")[2], summary) for flag, refs, summary, *_ in lines)


def parse_log(text: str) -> tuple[Commit, ...]:
    """Read `git log -z --name-only --format=LOG_FORMAT`, in the order given."""
    starts = list(_LOG_ENTRY.finditer(text))
    ends = [*(entry.start() for entry in starts), len(text)][1:]
    return tuple(_commit(entry, text[entry.end() : end]) for entry, end in zip(starts, ends, strict=bool(starts)))


def clobbered_tags(text: str) -> tuple[str, ...]:
    """Name the tags that a fetch left alone because the local one differs (git's words on stderr)."""
    return tuple(
        re.findall(r"^ ! \[rejected\] +([^ \n]+) +-> [^ \n]+ +\(would clobber existing tag\)", text, re.MULTILINE)
    )


def compare_tags(checkout: Checkout, origin: Origin) -> tuple[Problem, ...]:
    """Say which tags have the same name here and on origin but are not the same."""
    return tuple(
        Problem(
            f"Tag {name!r} is {here[:12]} in {checkout.path} but {origin.tag_objects[name][:12]} on origin",
            "one and the same tag on both sides",
            f"If origin's is right, delete the local one with `git tag -d {name}` and fetch; Lockgate moves no tag",
        )
        for name, here in sorted(checkout.tag_objects.items())
        if origin.tag_objects.get(name, here) != here
    )


def _entry_paths(entry: str, following: Iterator[str]) -> tuple[str, ...]:
    """Give the paths of one status entry; a rename's old name is the next field."""
    match entry[:1]:
        case "1":
            return (entry.split(" ", 8)[8],)
        case "2":
            return entry.split(" ", 9)[9], next(following)
        case "u":
            return (entry.split(" ", 10)[10],)
        case "?":
            return (entry[2:],)
        case _:
            return ()


def _commit(entry: re.Match[str], names: str) -> Commit:
    message = entry["message"].strip("\n")
    paths = tuple(name for name in (name.lstrip("\n") for name in names.split("\0")) if name)
    parents = tuple(entry["parents"].split(" ") if entry["parents"] else ())
    return Commit(entry["sha"], message.partition("\n")[0], message, int(entry["time"]), paths, parents)


# git-status(1) and the files it looks for in the repository's own folder.
_OPERATIONS: Final = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


def unfinished_operation(names: Iterable[str]) -> str | None:
    """Name the operation in progress that the entries of the repository's own folder tell of."""
    present = set(names)
    return next((operation for name, operation in _OPERATIONS.items() if name in present), None)
