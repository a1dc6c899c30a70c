"""Origin: over files for what git itself does, over HTTP in the sandbox for tokens, rules and broken connections."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients import git, git_remote, git_tags
from lockgate.errors import RefusedError, UnavailableError
from lockgate.repository import compare_tags
from lockgate.secrets import Token
from sandbox.faults import Fault
from sandbox.world import Sandbox

Run = Callable[..., str]


@pytest.fixture
def head(checkout: Path) -> str:
    """Where origin's main is at the start."""
    return git.read_commit(checkout, "HEAD").sha


@pytest.fixture
def ahead(checkout: Path, head: str) -> str:
    """A commit that origin does not have yet."""
    (checkout / "VERSION").write_text("2.0.0\n")
    return git.commit_files(checkout, ["VERSION"], "Release 2.0.0")


@pytest.fixture
def world(origin: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The sandbox, holding origin's commits."""
    with Sandbox.create(tmp_path / "world", origin, "owner/project") as sandbox:
        yield sandbox


# What origin has.


def test_origin_is_seen_with_branches_peeled_tags_and_its_default_branch(
    checkout: Path, origin: Path, head: str, run: Run
) -> None:
    run(checkout, "git", "tag", "-a", "-m", "x", "v1")
    run(checkout, "git", "push", "-q", "origin", "v1", "HEAD:refs/heads/feature/x", "HEAD:refs/pull/1/head")
    seen = git_remote.observe_origin(str(origin), None)
    assert seen.heads == {"main": head, "feature/x": head}
    assert seen.tags == {"v1": head}
    assert seen.tag_objects["v1"] == git.observe_checkout(checkout).tag_objects["v1"] != head
    assert seen.default_branch == git_remote.default_branch(str(origin), None) == "main"


def test_an_origin_without_commits_is_empty(person: Path, tmp_path: Path, run: Run) -> None:
    run(tmp_path, "git", "init", "-q", "--bare", "empty.git")
    seen = git_remote.observe_origin(str(tmp_path / "empty.git"), None)
    assert (seen.heads, seen.tags, seen.default_branch) == ({}, {}, None)
    assert git_remote.default_branch(f"file://{tmp_path}/empty.git", None) is None


@pytest.mark.parametrize("url", ["--upload-pack=touch x", "ext::touch x", "https://me:pw@host/o/n"])
def test_dangerous_addresses_never_reach_git(url: str, checkout: Path, head: str) -> None:
    for call in (
        lambda: git_remote.observe_origin(url, None),
        lambda: git_remote.clone(url, checkout / "new", None),
        lambda: git_remote.fetch(checkout, url, None, "main"),
        lambda: git_remote.push_branch(checkout, url, None, head, "main", expected=head),
        lambda: git_remote.push_tag(checkout, url, None, "v1"),
    ):
        with pytest.raises(RefusedError, match=r"no address of a repository|holds a password"):
            call()
    assert len(git_remote.try_push_tag(checkout, url, None, head, "v1")) == 1


def test_a_missing_origin_and_an_unreachable_one_are_told_apart(tmp_path: Path, person: Path) -> None:
    with pytest.raises(RefusedError, match=r"\(not found\)"):
        git_remote.observe_origin(str(tmp_path / "absent.git"), None)
    with pytest.raises(UnavailableError, match=r"\(unreachable\).*tried again"):
        git_remote.observe_origin("http://127.0.0.1:1/owner/project.git", None)


# Clone and fetch.


def test_a_clone_is_whole_and_on_the_wanted_branch(checkout: Path, origin: Path, tmp_path: Path, run: Run) -> None:
    run(checkout, "git", "push", "-q", "origin", "HEAD:refs/heads/stable")
    git_remote.clone(str(origin), tmp_path / "new" / "stable", None, "stable")
    git_remote.clone(str(origin), tmp_path / "new" / "default", None)
    assert git.observe_checkout(tmp_path / "new" / "stable").branch == "stable"
    assert git.observe_checkout(tmp_path / "new" / "default").branch == "main"
    assert git.remote_url(tmp_path / "new" / "stable") == str(origin)
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["default", "stable"]


def test_a_clone_that_fails_leaves_nothing(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"\(no such branch\)"):
        git_remote.clone(str(origin), tmp_path / "new" / "x", None, "absent")
    assert list((tmp_path / "new").iterdir()) == []


def test_nothing_is_cloned_over_what_is_there(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(RefusedError, match="is there already and not empty"):
        git_remote.clone(str(origin), tmp_path / "mine", None)
    (tmp_path / "empty").mkdir()
    git_remote.clone(str(origin), tmp_path / "empty", None)


def test_a_fetch_moves_only_the_remote_branch(
    checkout: Path, origin: Path, head: str, other_push: Callable[[], str]
) -> None:
    theirs = other_push()
    (checkout / "VERSION").write_text("mine\n")
    assert git_remote.fetch(checkout, str(origin), None, "main") == ()
    assert git.resolve(checkout, "refs/remotes/origin/main") == theirs
    assert git.resolve(checkout, "refs/heads/main") == head
    assert git.observe_checkout(checkout).dirty == ("VERSION",)
    assert not (checkout / ".git" / "FETCH_HEAD").exists()


def test_a_fetch_follows_a_rewritten_branch_and_says_when_there_is_none(
    checkout: Path, origin: Path, head: str, ahead: str, run: Run
) -> None:
    run(checkout, "git", "push", "-q", "origin", "main")
    run(checkout, "git", "push", "-q", "--force", "origin", f"{head}:refs/heads/main")
    git_remote.fetch(checkout, str(origin), None, "main")
    assert git.resolve(checkout, "refs/remotes/origin/main") == head
    with pytest.raises(RefusedError, match=r"\(no such branch\)"):
        git_remote.fetch(checkout, str(origin), None, "absent")


def test_a_tag_that_differs_stays_and_is_named_while_new_ones_come(
    checkout: Path, origin: Path, tmp_path: Path, head: str, ahead: str, run: Run
) -> None:
    run(tmp_path / "seed", "git", "tag", "v1")
    run(tmp_path / "seed", "git", "tag", "v2")
    run(tmp_path / "seed", "git", "push", "-q", "--tags")
    run(checkout, "git", "tag", "v1", ahead)
    assert git_remote.fetch(checkout, str(origin), None, "main") == ("v1",)
    seen = git.observe_checkout(checkout)
    assert seen.tags == {"v1": ahead, "v2": head}
    (problem,) = compare_tags(seen, git_remote.observe_origin(str(origin), None))
    assert "Tag 'v1'" in problem.seen


def test_a_shallow_checkout_gets_its_history(
    origin: Path, tmp_path: Path, head: str, run: Run, other_push: Callable[[], str]
) -> None:
    other_push()
    shallow = tmp_path / "shallow"
    run(tmp_path, "git", "clone", "-q", "--depth=1", f"file://{origin}", str(shallow))
    assert git.observe_checkout(shallow).shallow
    git_remote.fetch(shallow, str(origin), None, "main")
    assert not git.observe_checkout(shallow).shallow
    assert git.is_ancestor(shallow, head, "HEAD")


def test_a_shallow_origin_is_refused(
    checkout: Path, origin: Path, tmp_path: Path, run: Run, other_push: Callable[[], str]
) -> None:
    other_push()
    run(tmp_path, "git", "clone", "-q", "--depth=1", "--bare", f"file://{origin}", "cut.git")
    run(tmp_path, "git", "clone", "-q", f"file://{tmp_path}/cut.git", "copy")
    with pytest.raises(RefusedError, match=r"history of .* is cut off"):
        git_remote.fetch(tmp_path / "copy", str(tmp_path / "cut.git"), None, "main")


# Pushes.


def test_a_commit_is_pushed_once(checkout: Path, origin: Path, head: str, ahead: str) -> None:
    for _ in range(2):
        git_remote.push_branch(checkout, str(origin), None, ahead, "main", expected=head)
        assert git_remote.observe_origin(str(origin), None).heads == {"main": ahead}


def test_a_branch_that_moved_is_not_overwritten(
    checkout: Path, origin: Path, head: str, ahead: str, other_push: Callable[[], str]
) -> None:
    theirs = other_push()
    with pytest.raises(RefusedError, match=rf"main on origin is at {theirs[:12]}.*the branch moved"):
        git_remote.push_branch(checkout, str(origin), None, ahead, "main", expected=head)
    with pytest.raises(RefusedError, match=r"\(main moved\)"):
        git_remote.push_branch(checkout, str(origin), None, ahead, "main", expected=theirs)
    assert git_remote.observe_origin(str(origin), None).heads["main"] == theirs


def test_a_branch_that_is_gone_is_not_made_anew(checkout: Path, origin: Path, head: str) -> None:
    with pytest.raises(RefusedError, match="gone on origin is at no commit"):
        git_remote.push_branch(checkout, str(origin), None, head, "gone", expected=head)


def test_a_tag_is_pushed_once_and_never_moved(checkout: Path, origin: Path, head: str, ahead: str, run: Run) -> None:
    git_tags.create_tag(checkout, "v1", head, "x", sign=False)
    for _ in range(2):
        git_remote.push_tag(checkout, str(origin), None, "v1")
    run(checkout, "git", "tag", "-d", "v1")
    git_tags.create_tag(checkout, "v1", ahead, "x", sign=False)
    with pytest.raises(RefusedError, match=r"\(tag exists\).*refs/tags/v1 \[rejected\] \(already exists\)"):
        git_remote.push_tag(checkout, str(origin), None, "v1")
    assert git_remote.observe_origin(str(origin), None).tags == {"v1": head}


def test_trying_to_push_a_tag_changes_nothing(checkout: Path, origin: Path, head: str, ahead: str) -> None:
    assert git_remote.try_push_tag(checkout, str(origin), None, head, "v1") == ()
    assert git_remote.observe_origin(str(origin), None).tags == {}
    git_tags.create_tag(checkout, "v1", head, "x", sign=False)
    git_remote.push_tag(checkout, str(origin), None, "v1")
    assert git_remote.try_push_tag(checkout, str(origin), None, head, "v1") == ()
    (problem,) = git_remote.try_push_tag(checkout, str(origin), None, ahead, "v1")
    assert "tag exists" in problem.seen


def test_a_hook_of_the_server_is_quoted(checkout: Path, origin: Path, head: str, ahead: str) -> None:
    script = origin / "hooks" / "pre-receive"
    script.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found: no pushes on Fridays'\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(RefusedError, match=r"\(repository rule\).*no pushes on Fridays.*Next: Read the rule"):
        git_remote.push_branch(checkout, str(origin), None, ahead, "main", expected=head)


def test_hooks_of_the_checkout_do_not_run_where_a_token_is_in_reach(
    checkout: Path, origin: Path, head: str, ahead: str
) -> None:
    for name in ("pre-push", "reference-transaction"):
        script = checkout / ".git" / "hooks" / name
        script.write_text("#!/bin/sh\ntouch hooked\nexit 1\n")
        script.chmod(0o755)
    git_remote.push_branch(checkout, str(origin), None, ahead, "main", expected=head)
    git_remote.fetch(checkout, str(origin), None, "main")
    assert git.resolve(checkout, "refs/remotes/origin/main") == ahead
    assert not (checkout / "hooked").exists()


# Tokens and connections.


def test_a_whole_exchange_with_a_token_leaves_it_nowhere(
    world: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("GIT_TRACE_CURL", str(tmp_path / "trace"))
    token, folder = Token(world.token), tmp_path / "work"
    git_remote.clone(world.origin_url, folder, token)
    head = git.read_commit(folder, "HEAD").sha
    (folder / "VERSION").write_text("2.0.0\n")
    commit = git.commit_files(folder, ["VERSION"], "Release")
    git_remote.push_branch(folder, world.origin_url, token, commit, "main", expected=head)
    git_tags.create_tag(folder, "v2.0.0", commit, "Release", sign=False)
    git_remote.push_tag(folder, world.origin_url, token, "v2.0.0")
    git_remote.fetch(folder, world.origin_url, token, "main")
    assert git_remote.observe_origin(world.origin_url, token).tags == {"v2.0.0": commit}
    kept = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert not any(world.token.encode() in text for text in kept)
    assert world.token not in caplog.text
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("token", [None, Token("wrong")])
def test_a_missing_or_wrong_token_is_refused_without_a_prompt(
    token: Token | None, world: Sandbox, checkout: Path, head: str
) -> None:
    (problem,) = git_remote.try_push_tag(checkout, world.origin_url, token, head, "v2")
    assert "(authentication)" in problem.seen
    assert "GH_TOKEN" in problem.next


def test_a_token_that_cannot_push_is_refused_before_anything_is_pushed(
    world: Sandbox, checkout: Path, head: str
) -> None:
    world.grant(contents="read")
    (problem,) = git_remote.try_push_tag(checkout, world.origin_url, Token(world.token), head, "v2")
    assert "(no permission)" in problem.seen
    assert "Contents: write" in problem.next


def test_a_private_origin_asks_for_a_token_and_an_unknown_one_is_not_found(world: Sandbox) -> None:
    world.set_private(True)
    with pytest.raises(RefusedError, match=r"\(authentication\)"):
        git_remote.observe_origin(world.origin_url, None)
    assert git_remote.observe_origin(world.origin_url, Token(world.token)).default_branch == "main"
    with pytest.raises(RefusedError, match=r"\(not found\)"):
        git_remote.observe_origin(world.origin_url.replace("project", "other"), Token(world.token))


def test_an_authorization_header_of_the_persons_own_does_not_double_the_tokens(
    world: Sandbox, checkout: Path, head: str, run: Run
) -> None:
    """A second one is answered with 400 by GitHub; checkouts made by its Actions have one configured."""
    run(checkout, "git", "config", f"http.{world.github_url}/.extraHeader", "Authorization: basic d3Jvbmc6d3Jvbmc=")
    assert git_remote.try_push_tag(checkout, world.origin_url, Token(world.token), head, "v2") == ()


@pytest.mark.parametrize("options", [{"status": 500}, {"status": 503}])
def test_an_answer_of_a_broken_server_is_an_outage(options: dict[str, int], world: Sandbox) -> None:
    world.faults.add(Fault("error", "origin", options=options))
    with pytest.raises(UnavailableError, match=r"\(server error\)"):
        git_remote.observe_origin(world.origin_url, Token(world.token))


def test_a_dropped_connection_is_an_outage(world: Sandbox) -> None:
    world.faults.add(Fault("refuse", "origin"))
    with pytest.raises(UnavailableError, match=r"\(unreachable\)"):
        git_remote.observe_origin(world.origin_url, Token(world.token))


def test_a_push_whose_answer_was_lost_notices_its_own_work(
    world: Sandbox, checkout: Path, head: str, ahead: str
) -> None:
    token = Token(world.token)
    world.faults.add(Fault("drop-reply", "origin", match="POST .*git-receive-pack"))
    with pytest.raises(UnavailableError):
        git_remote.push_branch(checkout, world.origin_url, token, ahead, "main", expected=head)
    git_remote.push_branch(checkout, world.origin_url, token, ahead, "main", expected=head)
    assert git_remote.observe_origin(world.origin_url, token).heads["main"] == ahead


@pytest.mark.parametrize(
    ("match", "after", "kind", "words"),
    [
        ("GET .*/info/refs", 1, RefusedError, r"\(main moved\).*fetch first"),
        ("POST .*/git-receive-pack", 0, UnavailableError, r"\(concurrent update\).*looked at again"),
    ],
)
def test_main_that_moves_during_the_push_is_never_overwritten(
    match: str, after: int, kind: type[Exception], words: str, world: Sandbox, checkout: Path, head: str, ahead: str
) -> None:
    world.faults.add(Fault("moved-main", "origin", match=match, after=after))
    with pytest.raises(kind, match=words):
        git_remote.push_branch(checkout, world.origin_url, Token(world.token), ahead, "main", expected=head)
    assert git_remote.observe_origin(world.origin_url, None).heads["main"] not in (head, ahead)
    with pytest.raises(RefusedError, match="the branch moved"):
        git_remote.push_branch(checkout, world.origin_url, Token(world.token), ahead, "main", expected=head)


def test_a_rule_for_tags_is_quoted(world: Sandbox, checkout: Path, head: str) -> None:
    world.add_ruleset(include=["refs/tags/v*"], rules=["creation"])
    git_tags.create_tag(checkout, "v2", head, "x", sign=False)
    with pytest.raises(RefusedError, match=r"\(repository rule\).*GH013"):
        git_remote.push_tag(checkout, world.origin_url, Token(world.token), "v2")


class _Recorder(http.server.BaseHTTPRequestHandler):
    """Answers everything with a redirect, or (at the target) remembers what came with it."""

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        self.send_response(301 if self.server.target else 404)  # type: ignore[attr-defined]
        if self.server.target:  # type: ignore[attr-defined]
            self.send_header("Location", self.server.target + self.path)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@pytest.fixture
def recorder() -> Iterator[Callable[[str], http.server.HTTPServer]]:
    servers: list[http.server.HTTPServer] = []

    def start(target: str) -> http.server.HTTPServer:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
        server.target, server.seen = target, []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_redirect_never_carries_the_token_to_another_place(
    recorder: Callable[[str], http.server.HTTPServer], person: Path
) -> None:
    elsewhere = recorder("")
    first = recorder(f"http://127.0.0.1:{elsewhere.server_port}")
    with pytest.raises(RefusedError, match=r"\(redirected\).*git remote set-url"):
        git_remote.observe_origin(f"http://127.0.0.1:{first.server_port}/o/n.git", Token("marker"))
    assert "Authorization" in json.dumps(first.seen)  # type: ignore[attr-defined]
    assert elsewhere.seen == []  # type: ignore[attr-defined]
