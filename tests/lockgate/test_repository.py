"""The parsers of git's machine formats, and the rule about tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.repository import (
    Checkout,
    Commit,
    Origin,
    Person,
    PushedRef,
    clobbered_tags,
    compare_tags,
    parse_log,
    parse_push,
    parse_refs,
    parse_status,
    unfinished_operation,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40
ENTRY = "N... 100644 100644 100644"


@pytest.mark.parametrize(
    ("entry", "paths"),
    [
        (f"1 .M {ENTRY} {A} {A} VERSION", ("VERSION",)),
        (f"1 A. {ENTRY} {A} {A} a file with blanks", ("a file with blanks",)),
        (f"2 R. {ENTRY} {A} {A} R100 new name\0old name", ("new name", "old name")),
        (f"u UU {ENTRY} 100644 {A} {B} {C} both", ("both",)),
        ("? new folder/file", ("new folder/file",)),
        ("! ignored", ()),
    ],
)
def test_every_path_of_a_status_entry_is_listed(entry: str, paths: tuple[str, ...]) -> None:
    assert parse_status(f"# branch.oid {A}\0# branch.head main\0{entry}\0") == ("main", A, paths)


def test_status_tells_a_detached_head_and_a_missing_commit() -> None:
    assert parse_status(f"# branch.oid {A}\0# branch.head (detached)\0") == (None, A, ())
    assert parse_status("# branch.oid (initial)\0# branch.head main\0") == ("main", None, ())


def test_refs_give_annotated_tags_peeled_and_the_default_branch() -> None:
    branches = f"ref: refs/heads/main\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/main\n"
    text = f"{branches}{B}\trefs/tags/v1\n{A}\trefs/tags/v1^{{}}\n{C}\trefs/tags/x/y\n"
    assert parse_refs(text) == Origin({"main": A}, {"v1": A, "x/y": C}, {"v1": B, "x/y": C}, "main")


def test_push_lines_are_read_and_everything_else_is_skipped() -> None:
    text = f"To https://host/o/n.git\n!\t{A}:refs/heads/main\t[rejected] (fetch first)\n \tr:refs/x\tabc..def\nDone\n"
    assert parse_push(text) == (
        PushedRef("!", "refs/heads/main", "[rejected] (fetch first)"),
        PushedRef(" ", "refs/x", "abc..def"),
    )


def test_a_log_with_an_empty_message_no_paths_and_no_parents_is_read() -> None:
    text = (
        f"{A}\0{1}\0p\0mone\n\nbody\n\0\0\nfile\0name\0\0{B}\0{2}\0p{A}\0m\0\0\0{C}\0{3}\0p{B} {A}\0mmerged\n\0\0\nz\0"
    )
    assert parse_log(text) == (
        Commit(A, "one", "one\n\nbody", 1, ("file", "name")),
        Commit(B, "", "", 2, (), (A,)),
        Commit(C, "merged", "merged", 3, ("z",), (B, A)),
    )


@given(st.lists(st.text(st.characters(exclude_characters="\0\n", codec="utf-8"), min_size=1), unique=True))
def test_no_file_names_can_pass_for_another_commit(names: list[str]) -> None:
    ordered = sorted(names, key=str.encode)
    text = f"{A}\x001\0p\0mone\n\0\0\n" + "".join(f"{name}\0" for name in ordered)
    assert len(parse_log(text)) == 1


def test_file_names_that_look_like_a_commit_stay_file_names() -> None:
    names = sorted([B, "2", "p", "mtwo"])
    assert len(parse_log(f"{A}\x001\0p\0mone\n\0\0\n" + "".join(f"{name}\0" for name in names))) == 1


def test_tags_that_a_fetch_left_alone_are_named() -> None:
    text = "From /x\n * [new tag]  v2 -> v2\n ! [rejected]        v1         -> v1  (would clobber existing tag)\n"
    assert clobbered_tags(text) == ("v1",)


def test_a_tag_that_differs_from_origins_is_a_problem_with_both_objects() -> None:
    here = Checkout("repo", "main", A, tags={"v1": A, "v2": A, "own": A}, tag_objects={"v1": B, "v2": A, "own": A})
    origin = Origin({}, {"v1": A, "v2": A}, {"v1": C, "v2": A}, "main")
    (problem,) = compare_tags(here, origin)
    assert "'v1' is bbbbbbbbbbbb in repo but cccccccccccc on origin" in str(problem)
    assert "git tag -d v1" in problem.next


@pytest.mark.parametrize(
    ("names", "operation"),
    [(["HEAD", "config"], None), (["rebase-merge"], "rebase"), (["MERGE_HEAD"], "merge"), (["REVERT_HEAD"], "revert")],
)
def test_an_unfinished_operation_is_named(names: list[str], operation: str | None) -> None:
    assert unfinished_operation(names) == operation


def test_a_person_is_author_and_committer() -> None:
    assert Person("Ada", "a@x").environment == {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "a@x",
        "GIT_COMMITTER_EMAIL": "a@x",
    }
