"""The bare repository that stands in for origin: made from a given one, read, and committed to without a checkout."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

GIT_TIMEOUT_SECONDS = 120
ZERO = "0" * 40
GIT_CONFIG = (
    "[safe]\n\tdirectory = *\n[user]\n\tname = Another Person\n\temail = another@example.com\n[gc]\n\tauto = 0\n"
)


def git_environment(folder: Path) -> dict[str, str]:
    """The environment for git: no settings of this machine's user, texts in English, never a question on the terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own = {"GIT_CONFIG_GLOBAL": str(folder / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **own, "LC_ALL": "C", "LANGUAGE": "C"}


def _describe_failure(repository: Path, result: subprocess.CompletedProcess[str]) -> str:
    last = (result.stderr.strip().splitlines() or ["no words"])[-1]
    return f"git could not clone {str(repository)!r} ({last}); give the top folder of a checkout, or a bare repository"


def clone_as_origin(folder: Path, repository: Path) -> str:
    """Clone a checkout or bare repository into folder/origin.git with all its tags; answers HEAD's branch.

    Raises ValueError when there is no repository, no commit, or HEAD is on no branch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gitconfig").write_text(GIT_CONFIG, "utf-8")
    environment = git_environment(folder)

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=GIT_TIMEOUT_SECONDS)

    if not repository.is_dir() or ask("rev-parse", "--git-dir").returncode != 0:
        raise ValueError(f"{str(repository)!r} is no git repository; give a checkout or a bare repository")
    if ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode != 0:
        raise ValueError(f"The repository {str(repository)!r} has no commit at HEAD; commit something first")
    branch = ask("symbolic-ref", "--short", "--quiet", "HEAD").stdout.strip()
    if not branch:
        raise ValueError(f"HEAD of {str(repository)!r} is on no branch; check out the release branch first")
    with tempfile.TemporaryDirectory(prefix="clone-", dir=folder) as temporary:
        clone = Repository(Path(temporary) / "origin.git")
        result = ask("clone", "--quiet", "--bare", "--no-hardlinks", ".", str(clone.path))
        if result.returncode != 0:
            raise ValueError(_describe_failure(repository, result))
        clone.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        clone.git("remote", "remove", "origin")
        for name in ("receive.denyNonFastForwards", "receive.denyDeletes", "http.receivepack"):
            clone.git("config", name, "true")
        clone.path.rename(folder / "origin.git")
    return branch


@dataclass(frozen=True)
class Repository:
    """A bare repository at a path; every reading is a call of git."""

    path: Path

    def run(self, *arguments: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call git in the repository and answer what came of it, whatever its return code."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**git_environment(self.path.parent), **environment},
            timeout=GIT_TIMEOUT_SECONDS,
        )

    def git(self, *arguments: str, text: str | None = None, **environment: str) -> str:
        """Call git in the repository; raises RuntimeError with git's words when it fails."""
        result = self.run(*arguments, text=text, **environment)
        if result.returncode != 0:
            raise RuntimeError(f"git {arguments[0]} failed in the sandbox's origin: {result.stderr.strip()}")
        return result.stdout.strip()

    def refs(self) -> dict[str, str]:
        """All branches and tags with the object each one names."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags").split("\n")
        return dict(line.split(" ", 1) for line in lines if line)

    def commit_of(self, name: str) -> str | None:
        """The commit that a ref, tag or (short) hash leads to, None when there is none."""
        result = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return result.stdout.strip() if result.returncode == 0 else None

    def find_commit(self, name: str) -> str | None:
        """As `commit_of`, for a branch or tag by its short name first, as GitHub's commit endpoint does."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/", ""):
            commit = self.commit_of(prefix + name)
            if commit is not None:
                return commit
        return None

    def object_type(self, name: str) -> str | None:
        """`commit`, `tag`, `tree`, `blob`, or None when there is no such object."""
        result = self.run("cat-file", "-t", name)
        return result.stdout.strip() if result.returncode == 0 else None

    def file_text(self, commit: str, path: str) -> str | None:
        """The text of a file at a commit, None when it is not there."""
        result = self.run("cat-file", "blob", f"{commit}:{path}")
        return result.stdout if result.returncode == 0 else None

    def folder_files(self, commit: str, folder: str) -> list[str]:
        """The paths of the files directly in a folder at a commit."""
        result = self.run("ls-tree", "--name-only", "-z", commit, f"{folder}/")
        return [name for name in result.stdout.split("\0") if name]

    def changed_files(self, old: str, new: str, *paths: str) -> list[str]:
        """The paths that differ between two commits, or all of the new one when the old is the zero hash."""
        if old == ZERO:
            return _names(self.git("ls-tree", "-r", "-z", "--name-only", new, *paths))
        return _names(self.git("diff", "-z", "--name-only", old, new, "--", *paths))

    def message(self, commit: str) -> str:
        """The whole commit message."""
        return self.git("log", "-1", "--format=%B", commit)

    def commit_file(self, branch: str, path: str, text: str, message: str) -> str:
        """Commit one file on top of a branch, as another person would; answers the new commit."""
        ref = f"refs/heads/{branch}"
        parent = self.git("rev-parse", "--verify", ref)
        blob = self.git("hash-object", "-w", "--stdin", text=text)
        with tempfile.TemporaryDirectory(dir=self.path.parent) as temporary:
            index = str(Path(temporary) / "index")
            self.git("read-tree", parent, GIT_INDEX_FILE=index)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", GIT_INDEX_FILE=index)
            tree = self.git("write-tree", GIT_INDEX_FILE=index)
        commit = self.git("commit-tree", tree, "-p", parent, "-m", message)
        self.git("update-ref", ref, commit, parent)
        return commit


def _names(listed: str) -> list[str]:
    return [name for name in listed.split("\0") if name]
