"""Texts of others: nothing hidden, nothing that a terminal obeys, nothing without a bound."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from lockgate.texts import block, one_line, plain, visible

SEEN = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters that have a shape of their own."""


def test_every_character_that_is_not_to_be_seen_is_shown_as_an_escape() -> None:
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in kinds]
    assert {ord(one) for one in hidden if visible(one) == one} == SEEN | {ord("\n"), ord("\t")}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;ZXZpbA==\x07", "\\x1b]52;c;ZXZpbA==\\x07"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("a\u200bb\u3164\U000e0041", "a\\u200bb\\u3164\\U000e0041"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("one\u2028two\x85", "one\\u2028two\\x85"),
        ("naïve ⚠️ 見る\ttab", "naïve ⚠️ 見る\ttab"),
    ],
)
def test_what_is_hidden_is_shown_and_what_is_seen_stays(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_a_line_is_one_line_and_bounded() -> None:
    assert one_line(" a\n b\t c ") == "a b c"
    assert one_line("x" * 300, 10) == "xxxxxxxxx…"
    assert len(one_line("\x1b" * 10**6, 100)) == 100
    assert one_line("a" + " " * 10**6 + "b", 10).startswith("a")


def test_a_block_keeps_its_lines_and_says_what_was_cut_off() -> None:
    assert block("a\nb\x1b") == "a\nb\\x1b"
    assert block("x" * 12, 10) == "x" * 10 + "\n… (2 characters more)"


def test_a_message_holds_no_mark_no_link_and_calls_nobody() -> None:
    assert plain("<!channel> [Approve](https://evil.example) ![x](http://e)\n# `@everyone` **now** www.e.org") == (
        "‹!channel› [Approve] (https[:]//evil.example) ![x] (http[:]//e) / # '(at)everyone' ∗∗now∗∗ www[.]e.org"
    )
