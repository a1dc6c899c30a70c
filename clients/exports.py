"""Clean exports of a commit: its files byte for byte, proved against the commit's name, in a folder that is thrown away.

Objects are read raw and hashed again here, from the commit down to each file, and files are written by this module:
attributes, filters, line ends, replaced and grafted objects of a repository or a person change nothing. Where the
project's code ran, git is never called: what it wrote there could be settings for git.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients import inside
from clients.git_process import HOOKS_SECONDS, git, run_git_bytes
from clients.own_files import for_others_too
from lockgate.errors import refused
from lockgate.git_command import check_commit
from lockgate.git_errors import explain
from lockgate.repository import Checkout, parse_status

FOLDER, LINK, MODULE, PROGRAM = "40000", "120000", "160000", "100755"
OBJECTS_AT_ONCE: Final = 100
REFS_LIMIT_BYTES: Final = 4 * 1024 * 1024
_LARGE_FILE: Final = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a commit: git's mode, and the name of its bytes."""

    mode: str
    blob: str


Files = Mapping[str, File]


def export(path: Path, commit: str, destination: Path, *, history: bool = False, branch: str = "") -> Files:
    """Write the files of a commit into `destination`, which must be absent or empty, and give what was written.

    Without `history` no .git is there. With it the folder is a clone on `branch` (else detached) that borrows this
    repository's objects: for what asks git (setuptools-scm). Refuses submodules, files that Git LFS keeps, names that
    lead outside, and objects that are not what their names say.
    """
    check_commit(commit)
    if destination.exists() and any(destination.iterdir()):
        raise refused(f"{destination} is not empty", "an empty folder for the export", "give another folder")
    files = _files(path, commit)
    _refuse_modules(commit, files)
    with for_others_too():  # an sdist keeps the modes
        destination.mkdir(parents=True, exist_ok=True)
        if history:
            _clone(path, commit, destination, branch)
        _write(path, files, destination)
    if history:
        git(destination, "read-tree", commit, own=True)
        git(destination, "update-index", "--refresh", "-q", own=True, seconds=HOOKS_SECONDS)
    return files


def borrowed(path: Path) -> Path:
    """What an export with history reads of the repository that it was made from."""
    return path / ".git" / "objects"


def altered_files(folder: Path, files: Files) -> tuple[str, ...]:
    """The files of an export that are different or gone now, as `git describe --dirty` counts them; git is not called."""
    return tuple(sorted(name for name, file in files.items() if _differs(folder / name, file)))


def changed_files(path: Path, folder: Path, commit: str) -> tuple[str, ...]:
    """Every file in an export of a commit that is not as committed, new ones too if the repository does not ignore them.

    Asked with the repository at `path`, not with the one that the export may hold.
    """
    where = (f"--git-dir={path / '.git'}", f"--work-tree={folder}")
    flags = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=all")
    with tempfile.TemporaryDirectory() as own:
        index = {"GIT_INDEX_FILE": str(Path(own) / "index")}
        git(path, *where, "read-tree", commit, extra=index)
        return parse_status(git(path, *where, "status", *flags, extra=index, seconds=HOOKS_SECONDS))[2]


def take_over(folder: Path, path: Path, names: Iterable[str]) -> None:
    """Bring changed files of an export into a checkout; refuses, as `clients.inside` does, links and what is no plain file."""
    for name in names:
        data = inside.read_file(folder, name)
        if data is not None:
            inside.write_file(path, name, data)
            (path / name).chmod(0o755 if (folder / name).stat().st_mode & stat.S_IXUSR else 0o644)
        elif inside.check_file(path, name):
            (path / name).unlink()


def observe_refs(folder: Path) -> Checkout:
    """Branch, head and tags of an export with history, read from their files: git is not asked where other code ran."""
    inner = folder / ".git"
    refs = dict(_refs(inner))
    head = _line(inner / "HEAD")
    branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else None
    commit = refs.get(f"refs/heads/{branch}") if branch else head
    tags = {name.removeprefix("refs/tags/"): one for name, one in refs.items() if name.startswith("refs/tags/")}
    return Checkout(str(folder), branch, commit, (), "", False, tags, tags)


def _files(path: Path, commit: str) -> Files:
    """Every file of a commit, from objects that are what their names say."""
    text = _objects(path, [commit])[commit]
    tree = text.partition(b"\n")[0].removeprefix(b"tree ").decode()
    found: dict[str, File] = {}
    level = {"": tree}
    while level:
        raw = _objects(path, dict.fromkeys(level.values()))
        deeper: dict[str, str] = {}
        for prefix, one in level.items():
            for mode, name, child in _entries(raw[one], len(commit) // 2, prefix):
                if mode == FOLDER:
                    deeper[f"{prefix}{name}/"] = child
                else:
                    found[f"{prefix}{name}"] = File(mode, child)
        level = deeper
    return found


def _entries(raw: bytes, width: int, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Mode, name and object of each entry of a tree (gitformat-pack has no page of it; git-mktree(1) shows the parts)."""
    seen = set()
    while raw:
        head, _, rest = raw.partition(b"\0")
        mode, _, name = head.partition(b" ")
        text = os.fsdecode(name)
        if text.lower() in ("", ".", "..", ".git") or "/" in text or text in seen:
            raise refused(f"the commit holds a file named {prefix + text!r}", "names that stay inside", "remove it")
        seen.add(text)
        yield mode.decode(), text, rest[:width].hex()
        raw = rest[width:]


def _objects(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The raw objects of these names; refuses one whose bytes do not have its name (git-cat-file(1), BATCH OUTPUT)."""
    wanted = list(names)
    asked = "".join(f"{name}\n" for name in wanted).encode()
    status, out, error = run_git_bytes(path, "cat-file", "--batch", given=asked)
    if status:
        raise explain(f"Reading objects of {path}", error, remote=False)
    found, place = {}, 0
    for name in wanted:
        line = out[place : out.index(b"\n", place)]
        if not line.startswith(name.encode()) or line.endswith(b" missing"):
            raise refused(
                f"object {name} is not in {path}", "a complete repository", "remove that folder and start again"
            )
        kind, size = line.split(b" ")[1:]
        place += len(line) + 1
        data = out[place : place + int(size)]
        place += int(size) + 1
        if _name(kind, data, len(name)) != name:
            raise refused(
                f"object {name} in {path} holds other bytes than its name says", "the repository as git wrote it",
                "remove that folder, find out who wrote into it, and start again",
            )  # fmt: skip
        found[name] = data
    return found


def _name(kind: bytes, data: bytes, digits: int) -> str:
    digest = hashlib.sha256 if digits == 64 else hashlib.sha1
    return digest(b"%s %d\0" % (kind, len(data)) + data, usedforsecurity=False).hexdigest()


def _write(path: Path, files: Files, destination: Path) -> None:
    """Write all files, links last, so that nothing is written through one."""
    plain = [name for name, file in files.items() if file.mode != LINK]
    links = [name for name, file in files.items() if file.mode == LINK]
    for first in range(0, len(plain), OBJECTS_AT_ONCE):
        some = plain[first : first + OBJECTS_AT_ONCE]
        data = _objects(path, dict.fromkeys(files[name].blob for name in some))
        for name in some:
            _write_one(destination / name, data[files[name].blob], files[name].mode)
    data = _objects(path, dict.fromkeys(files[name].blob for name in links)) if links else {}
    for name in links:
        (destination / name).parent.mkdir(parents=True, exist_ok=True)
        (destination / name).symlink_to(os.fsdecode(data[files[name].blob]))


def _write_one(target: Path, data: bytes, mode: str) -> None:
    if data.startswith(_LARGE_FILE) and len(data) < 1024:
        raise refused(
            f"{target.name} is kept by Git LFS: the commit holds a pointer to it", "files whose bytes are in the commit",
            "take the file into the repository, or release by hand",
        )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o777 if mode == PROGRAM else 0o666), "wb") as file:
        file.write(data)


def _clone(path: Path, commit: str, destination: Path, branch: str) -> None:
    flags = ("--quiet", "--shared", "--no-checkout", "--no-recurse-submodules", "--template=")
    source, target = str(path.resolve()), str(destination.resolve())
    git(path, "clone", *flags, "--", source, target, seconds=HOOKS_SECONDS)
    git(destination, "remote", "remove", "origin", own=True)
    if branch:
        git(destination, "symbolic-ref", "HEAD", f"refs/heads/{branch}", own=True)
    git(destination, "update-ref", *(() if branch else ("--no-deref",)), "HEAD", commit, own=True)


def _refuse_modules(commit: str, files: Files) -> None:
    modules = sorted(name for name, file in files.items() if file.mode == MODULE)
    if modules:
        raise refused(
            f"commit {commit[:12]} holds submodules ({', '.join(modules)})", "a project whose files are all in its own repository",
            "release it by hand, or take the submodules' files into the repository",
        )  # fmt: skip


def _differs(path: Path, file: File) -> bool:
    try:
        mode = path.lstat().st_mode
        if file.mode == LINK:
            return not stat.S_ISLNK(mode) or _name(b"blob", os.fsencode(path.readlink()), len(file.blob)) != file.blob
        if not stat.S_ISREG(mode) or bool(mode & stat.S_IXUSR) != (file.mode == PROGRAM):
            return True
        return _name(b"blob", path.read_bytes(), len(file.blob)) != file.blob
    except OSError:
        return True


def _refs(inner: Path) -> Iterator[tuple[str, str]]:
    for line in _text(inner / "packed-refs").split("\n"):
        commit, _, name = line.partition(" ")
        if name and not line.startswith("#"):
            yield name, commit
    for parent, _, names in os.walk(inner / "refs"):
        for name in names:
            file = Path(parent, name)
            yield str(file.relative_to(inner)), _line(file)


def _line(file: Path) -> str:
    return _text(file).partition("\n")[0]


def _text(file: Path) -> str:
    """The text of a small plain file; nothing of any other."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > REFS_LIMIT_BYTES:
        return ""
    return file.read_text(errors="replace")
