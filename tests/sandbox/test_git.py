"""Origin: real git over smart HTTP, with the token, the rules and the refusals of GitHub."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.git_http import credentials, parse_commands
from sandbox.world import Sandbox


def test_clone_needs_no_token(world, clone):
    checkout = clone(world, token="")
    assert (checkout.path / "pyproject.toml").exists()
    assert checkout.git("tag").stdout.split() == ["v1.0.0"]


def test_private_repository_is_read_with_the_token_only(world, clone, tmp_path):
    world.set_private(True)
    assert (clone(world).path / "VERSION").exists()
    with pytest.raises(AssertionError, match="could not read Username"):
        clone(world, name="other", token="")


@pytest.mark.parametrize("token", ["", "ghp_wrong"])
def test_push_without_the_right_token_is_refused(world, clone, token):
    checkout = replace(clone(world, token=""), token=token)
    checkout.commit("a.txt", "a")
    result = checkout.push(check=False)
    assert result.returncode == 128
    assert "could not read Username" in result.stderr
    assert world.journal == []


def test_push_with_a_token_that_may_only_read_is_refused(world, checkout):
    world.grant(contents="read")
    checkout.commit("a.txt", "a")
    result = checkout.push("--dry-run", "HEAD:refs/heads/main", check=False)
    assert "403" in result.stderr


def test_push_moves_the_branch_and_is_recorded_once(world, checkout):
    commit = checkout.commit("a.txt", "a")
    checkout.push()
    assert checkout.git("ls-remote", "origin", "refs/heads/main").stdout.split()[0] == commit
    assert [change["what"] for change in world.journal] == ["pushed refs/heads/main"]


def test_large_push_arrives_whole(world, checkout, clone):
    """Git sends a large pack in chunks."""
    (checkout.path / "big.bin").write_bytes(random.Random(1).randbytes(3_000_000))
    checkout.commit("a.txt", "a")
    checkout.push()
    assert clone(world, name="other").git("cat-file", "-s", "HEAD:big.bin").stdout.strip() == "3000000"


def test_main_is_never_rewritten_or_deleted(world, checkout):
    checkout.git("commit", "--amend", "--quiet", "-m", "Rewritten")
    assert "non-fast-forward" in checkout.push("+HEAD:refs/heads/main", check=False).stdout
    assert checkout.push(":refs/heads/main", check=False).returncode == 1


def test_an_existing_tag_is_not_pushed_again(world, checkout, clone):
    checkout.tag("v2.0.0")
    other = clone(world, name="other")
    other.git("tag", "--delete", "v2.0.0")
    other.commit("b.txt", "b")
    other.tag("v2.0.0", push=False)
    assert "already exists" in other.push("refs/tags/v2.0.0:refs/tags/v2.0.0", check=False).stdout


def test_ruleset_refuses_a_tag_in_githubs_words(world, checkout):
    world.add_ruleset(include=["refs/tags/v*"], rules=["creation"])
    checkout.git("tag", "v3.0.0")
    result = checkout.push("refs/tags/v3.0.0:refs/tags/v3.0.0", check=False)
    assert result.returncode == 1
    assert "GH013: Repository rule violations found for refs/tags/v3.0.0" in result.stderr
    assert "- Cannot create ref due to creations being restricted." in result.stderr
    assert "push declined due to repository rule violations" in result.stdout
    checkout.git("tag", "other")
    checkout.push("refs/tags/other:refs/tags/other")


@pytest.mark.parametrize(
    "ruleset",
    [{"enforcement": "evaluate"}, {"bypass": "always"}, {"exclude": ["refs/tags/v3*"]}, {"target": "branch"}],
)
def test_rulesets_that_do_not_apply(world, checkout, ruleset):
    world.add_ruleset(rules=["creation"], **ruleset)
    checkout.git("tag", "v3.0.0")
    checkout.push("refs/tags/v3.0.0:refs/tags/v3.0.0")


def test_tag_name_pattern(world, checkout):
    world.add_ruleset(rules=[{"type": "tag_name_pattern", "parameters": {"operator": "starts_with", "pattern": "v"}}])
    checkout.git("tag", "3.0.0")
    result = checkout.push("refs/tags/3.0.0:refs/tags/3.0.0", check=False)
    assert "Tag name must match a given pattern: v" in result.stderr


def test_unknown_repository(world, checkout):
    result = checkout.git("ls-remote", f"{world.github_url}/example/other.git", check=False)
    assert "not found" in result.stderr


def test_given_repository_is_only_read(tmp_path, sample):
    def look() -> list[tuple[str, int, int]]:
        files = [path for path in sample.rglob("*") if path.is_file()]
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_ino) for path in files)

    before = look()
    Sandbox.create(tmp_path / "world", sample, "example/x")
    assert look() == before
    objects = {path.stat().st_ino for path in (tmp_path / "world/origin.git/objects").rglob("*") if path.is_file()}
    assert not objects & {inode for _, _, inode in before}


def _empty(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is no git repository"),
        (Path.touch, "is no git repository"),
        (_empty, "has no commit"),
    ],
)
def test_create_refuses_what_it_cannot_clone(tmp_path, make, words):
    make(tmp_path / "repository")
    with pytest.raises(ValueError, match=words):
        Sandbox.create(tmp_path / "world", tmp_path / "repository", "example/x")
    assert not (tmp_path / "world/sandbox.json").exists()


def test_create_refuses_a_detached_head(tmp_path, sample):
    subprocess.run(["git", "clone", "--quiet", str(sample), str(tmp_path / "r")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "r"), "checkout", "--quiet", "--detach"], check=True)
    with pytest.raises(ValueError, match="is on no branch; check out the release branch"):
        Sandbox.create(tmp_path / "world", tmp_path / "r", "example/x")


@pytest.mark.parametrize("slug", ["x", "/x", "a/b/c", ""])
def test_create_refuses_what_names_no_repository(tmp_path, sample, slug):
    with pytest.raises(ValueError, match="give it as OWNER/NAME"):
        Sandbox.create(tmp_path / "world", sample, slug)


def test_token_file_is_for_its_owner_only(world):
    assert (world.folder / "sandbox.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic eC1hOnRva2Vu", ("x-a", "token")),
        ("basic eC1hOnRva2Vu", ("x-a", "token")),
        ("Bearer token", ("", "token")),
        ("token token", ("", "token")),
        ("Basic ???", ("", "")),
        ("", ("", "")),
        ("Digest x", ("", "")),
    ],
)
def test_credentials(header, expected):
    assert credentials(header) == expected


def test_parse_commands():
    line = f"{'0' * 40} {'1' * 40} refs/tags/v1\0report-status".encode()
    body = f"{len(line) + 4:04x}".encode() + line + b"0000PACK"
    assert parse_commands(body) == [{"old": "0" * 40, "new": "1" * 40, "ref": "refs/tags/v1"}]


@pytest.mark.parametrize("kind", ["bare", "worktree"])
def test_other_kinds_of_repositories_are_cloned(tmp_path, sample, kind):
    source = tmp_path / "source"
    commands = {
        "bare": [["git", "clone", "--quiet", "--bare", str(sample), str(source)]],
        "worktree": [
            ["git", "clone", "--quiet", str(sample), str(tmp_path / "first")],
            ["git", "-C", str(tmp_path / "first"), "worktree", "add", "--quiet", "-b", "other", str(source)],
        ],
    }
    for command in commands[kind]:
        subprocess.run(command, check=True)
    world = Sandbox.create(tmp_path / "world", source, "example/x")
    assert world.default_branch == ("main" if kind == "bare" else "other")


def test_create_refuses_a_folder_inside_a_checkout(tmp_path, sample):
    with pytest.raises(ValueError, match="give the top folder of a checkout"):
        Sandbox.create(tmp_path / "world", sample / "src", "example/x")
