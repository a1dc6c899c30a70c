"""Markdown around texts of others, judged by a parser that nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lockgate.markdown import cell, code, fenced, link, markdown_table, prose, quote, table
from lockgate.texts import one_line

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTS = ("github.example", "127.0.0.1:4200")
MARKS = st.text(alphabet="ab `*_[]()<>!#|\\~&;:-+=.1\n\t/@\"'{}$^", max_size=60)


def tokens(text: str) -> Iterator[Token]:
    """Everything that a reader of Markdown makes of a text, the inline tokens too."""
    for one in PARSER.parse(text):
        yield one
        yield from one.children or ()


def shown(text: str) -> str:
    """What a person sees of a paragraph."""
    return "".join(one.content for one in tokens(text) if one.type in {"text", "text_special", "code_inline"})


@settings(max_examples=50)
@given(MARKS)
@example("<img src=http://e/x>")
@example("# Already approved by Ada")
@example("![x](http://e)")
@example("1. one")
@example("&#x202e; &lt;")
@example("a \\| b `c|d` \\\\|")
@example("` ` `` a ``")
def test_a_sentence_is_only_its_own_words(text: str) -> None:
    kinds = {one.type for one in tokens(prose(text))}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "code_inline"}
    if "`" not in text:
        assert shown(prose(text)).split() == one_line(text).split()


@settings(max_examples=50)
@given(MARKS)
def test_nothing_ends_a_code_span(text: str) -> None:
    kinds = [one.type for one in tokens(code(text))]
    assert kinds[:2] == ["paragraph_open", "inline"]
    assert set(kinds[2:-1]) <= {"code_inline", "text"}
    assert shown(code(text)) == (one_line(text) or "(empty)")


@settings(max_examples=50)
@given(MARKS, MARKS)
def test_nothing_leaves_its_cell(first: str, second: str) -> None:
    found = list(tokens(table(("a", "b"), [(code(first), prose(second))])))
    assert sum(one.type == "td_open" for one in found) == 2
    assert not {one.type for one in found} & {"link_open", "image", "html_inline", "heading_open", "em_open", "s_open"}


@settings(max_examples=50)
@given(MARKS)
@example("```\n# Already approved by Ada\n![x](http://e)")
def test_nothing_closes_a_fence_or_leaves_a_quotation(text: str) -> None:
    assert [one.type for one in PARSER.parse(fenced(text))] == ["fence"]
    assert [one.type for one in PARSER.parse(quote(text))] == ["blockquote_open", "fence", "blockquote_close"]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "http://evil.example/", "https://github.example@evil.example/", "//github.example/",
        "https://github.example.evil.example/", "https://github.example/a)b", "http://github.example:22/", "https://e\u202e/",
    ],
)  # fmt: skip
def test_only_an_address_on_a_host_that_is_meant_becomes_a_link(address: str) -> None:
    assert "link_open" not in [one.type for one in tokens(link("page", address, HOSTS))]
    assert "link_open" not in [one.type for one in tokens(prose(f"see {address}", hosts=HOSTS))]
    assert link("page", "https://github.example/a#b", HOSTS) == "[page](<https://github.example/a#b>)"
    assert prose("see http://127.0.0.1:4200/runs.", hosts=HOSTS) == "see <http://127.0.0.1:4200/runs>."


def test_what_a_page_would_make_a_link_of_is_code() -> None:
    assert prose("http://e.example/x, www.e.example or a@e.example") == (
        "`http://e.example/x`, `www.e.example` or `a@e.example`"
    )


def test_rows_with_different_keys_share_a_table() -> None:
    assert markdown_table([{"a": "1"}, {"a": "2", "b": "3"}], HOSTS) == "| a | b |\n|---|---|\n| 1 |  |\n| 2 | 3 |"


def test_an_address_becomes_a_link_in_a_table_and_a_text_with_one_does_not() -> None:
    found = markdown_table([{"page": "https://github.example/1", "says": "see https://github.example/1"}], HOSTS)
    assert found.splitlines()[2] == "| [page](<https://github.example/1>) | see `https://github.example/1` |"


@pytest.mark.parametrize(("text", "expected"), [("a|b", "a\\|b"), ("a\\|b", "a\\\\\\|b"), ("a\\\\|b", "a\\\\\\|b")])
def test_a_bar_is_escaped_for_every_reader(text: str, expected: str) -> None:
    assert cell(text) == expected
