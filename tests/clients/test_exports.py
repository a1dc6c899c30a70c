"""Clean exports, on real git: the commit's bytes whatever anybody's settings say, and objects that are not believed."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from clients import exports, git
from lockgate.errors import RefusedError

Run = Callable[..., str]


def test_an_export_holds_the_commits_files_and_nothing_else(checkout: Path, run: Run, tmp_path: Path) -> None:
    (checkout / ".gitattributes").write_text("VERSION export-ignore\n")
    (checkout / "run.sh").write_text("x")
    (checkout / "run.sh").chmod(0o755)
    (checkout / "link").symlink_to("VERSION")
    run(checkout, "git", "add", ".")
    run(checkout, "git", "commit", "-qm", "more")
    (checkout / "VERSION").write_text("dirty\n")
    index = (checkout / ".git" / "index").read_bytes()
    out = tmp_path / "deep" / "out"
    exports.export(checkout, run(checkout, "git", "rev-parse", "HEAD"), out)
    files = sorted(str(file.relative_to(out)) for file in out.rglob("*") if not file.is_dir())
    assert files == [".gitattributes", "VERSION", "link", "package/ünï code.py", "run.sh"]
    assert (out / "VERSION").read_text() == "1.0.0\n"
    assert (out / "run.sh").stat().st_mode & stat.S_IXUSR
    assert (out / "link").is_symlink()
    assert (checkout / ".git" / "index").read_bytes() == index


def test_an_export_with_history_is_a_detached_clone_with_tags_and_no_remote(
    checkout: Path, run: Run, tmp_path: Path
) -> None:
    run(checkout, "git", "tag", "v1")
    (checkout / "VERSION").write_text("2\n")
    commit = git.commit_files(checkout, ["VERSION"], "x")
    run(checkout, "git", "checkout", "-q", "--detach")
    run(checkout, "git", "branch", "-qf", "main", "v1")
    exports.export(checkout, commit, tmp_path / "out", history=True)
    seen = git.observe_checkout(tmp_path / "out")
    assert (seen.head, seen.branch, seen.dirty, set(seen.tags)) == (commit, None, (), {"v1"})
    assert run(tmp_path / "out", "git", "remote") == ""
    assert run(tmp_path / "out", "git", "ls-files").startswith("VERSION")


def test_only_committed_files_count_as_altered(checkout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = exports.export(checkout, git.read_commit(checkout, "HEAD").sha, out)
    assert exports.altered_files(out, files) == ()
    (out / "new.txt").write_text("x")
    (out / "VERSION").write_text("2\n")
    (out / "package" / "ünï code.py").unlink()
    assert set(exports.altered_files(out, files)) == {"VERSION", "package/ünï code.py"}


def test_a_folder_with_something_in_it_is_not_exported_into(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    with pytest.raises(RefusedError, match="is not empty"):
        exports.export(checkout, git.read_commit(checkout, "HEAD").sha, tmp_path / "out")


def test_submodules_are_refused(checkout: Path, origin: Path, run: Run, tmp_path: Path) -> None:
    run(checkout, "git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin), "vendored")
    run(checkout, "git", "commit", "-qm", "sub")
    with pytest.raises(RefusedError, match=r"holds submodules \(vendored\)"):
        exports.export(checkout, git.read_commit(checkout, "HEAD").sha, tmp_path / "out")
    assert "vendored" not in git.list_files(checkout, "HEAD")


def test_attributes_filters_and_line_ends_change_no_byte(
    checkout: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the person, of the repository's configuration, and of its .git/info/attributes."""
    person = tmp_path / "person"
    person.write_text(
        '[core]\n\tautocrlf = true\n\teol = crlf\n[filter "evil"]\n\tsmudge = echo smudged\n\trequired = true\n'
    )
    commit = git.read_commit(checkout, "HEAD").sha
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(person))
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    run(checkout, "git", "config", "filter.evil.smudge", "echo implant")
    exports.export(checkout, commit, tmp_path / "plain")
    exports.export(checkout, commit, tmp_path / "clone", history=True, branch="main")
    assert (tmp_path / "plain" / "VERSION").read_bytes() == (tmp_path / "clone" / "VERSION").read_bytes() == b"1.0.0\n"


def test_a_replaced_object_is_not_taken_for_the_commits(checkout: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "implant").write_text("implant\n")
    implant = run(checkout, "git", "hash-object", "-w", str(tmp_path / "implant")).strip()
    commit, blob = git.read_commit(checkout, "HEAD").sha, run(checkout, "git", "rev-parse", "HEAD:VERSION").strip()
    run(checkout, "git", "replace", blob, implant)
    exports.export(checkout, commit, tmp_path / "out")
    assert (tmp_path / "out" / "VERSION").read_text() == "1.0.0\n"


@pytest.mark.parametrize("name", ["HEAD:VERSION", "HEAD^{tree}", "HEAD"])
def test_an_object_that_is_not_what_its_name_says_is_refused(
    checkout: Path, run: Run, tmp_path: Path, name: str
) -> None:
    """Git itself does not hash an object again when it reads it."""
    commit = git.read_commit(checkout, "HEAD").sha
    found = run(checkout, "git", "rev-parse", name).strip()
    kind = run(checkout, "git", "cat-file", "-t", found).strip()
    bytes_ = {"blob": b"9.9.9\n", "tree": b"", "commit": b"tree " + b"0" * 40 + b"\n"}[kind]
    file = checkout / ".git" / "objects" / found[:2] / found[2:]
    file.chmod(0o644)
    file.write_bytes(zlib.compress(f"{kind} {len(bytes_)}\0".encode() + bytes_))
    with pytest.raises(RefusedError, match="holds other bytes than its name says"):
        exports.export(checkout, commit, tmp_path / "out")


def test_a_file_that_git_lfs_keeps_is_refused(checkout: Path, run: Run, tmp_path: Path) -> None:
    (checkout / "model.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    run(checkout, "git", "add", ".")
    run(checkout, "git", "commit", "-qm", "large")
    with pytest.raises(RefusedError, match=r"model\.bin is kept by Git LFS"):
        exports.export(checkout, git.read_commit(checkout, "HEAD").sha, tmp_path / "out")


def test_what_commands_changed_is_found_and_brought_over(checkout: Path, run: Run, tmp_path: Path) -> None:
    (checkout / ".gitignore").write_text("*.log\n")
    run(checkout, "git", "add", ".")
    run(checkout, "git", "commit", "-qm", "ignore")
    commit, out = git.read_commit(checkout, "HEAD").sha, tmp_path / "out"
    exports.export(checkout, commit, out, history=True, branch="main")
    (out / "VERSION").write_text("2\n")
    (out / "noise.log").touch()
    (out / "news").mkdir()
    (out / "news" / "2.txt").write_text("x")
    (out / "package" / "ünï code.py").unlink()
    names = exports.changed_files(checkout, out, commit)
    assert set(names) == {"VERSION", "news/2.txt", "package/ünï code.py"}
    exports.take_over(out, checkout, names)
    assert (checkout / "VERSION").read_text() == "2\n"
    assert set(git.observe_checkout(checkout).dirty) == set(names)


def test_links_are_not_brought_over(checkout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    commit = git.read_commit(checkout, "HEAD").sha
    exports.export(checkout, commit, out)
    (tmp_path / "secret").write_text("secret")
    (out / "VERSION").unlink()
    (out / "VERSION").symlink_to(tmp_path / "secret")
    with pytest.raises(RefusedError, match="is a link to"):
        exports.take_over(out, checkout, exports.changed_files(checkout, out, commit))


def test_refs_are_read_without_git(checkout: Path, run: Run, tmp_path: Path) -> None:
    run(checkout, "git", "tag", "v1")
    commit, out = git.read_commit(checkout, "HEAD").sha, tmp_path / "out"
    exports.export(checkout, commit, out, history=True, branch="main")
    seen = exports.observe_refs(out)
    assert (seen.branch, seen.head, dict(seen.tags)) == ("main", commit, {"v1": commit})
