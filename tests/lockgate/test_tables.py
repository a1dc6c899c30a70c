"""Tables in Markdown."""

from __future__ import annotations

from lockgate.tables import markdown_table


def test_rows_with_different_keys_share_a_table() -> None:
    assert markdown_table([{"a": "1"}, {"a": "2", "b": "3"}]) == "| a | b |\n|---|---|\n| 1 |  |\n| 2 | 3 |\n"


def test_what_others_wrote_stays_a_text() -> None:
    shown = markdown_table([{"says": 'one | two\n<img src="x">'}])
    assert shown.splitlines()[2] == '| one \\| two &lt;img src="x"> |'


def test_an_address_becomes_a_link_and_a_text_with_one_does_not() -> None:
    shown = markdown_table([{"page": "http://x/1", "says": "see http://x/1"}])
    assert shown.splitlines()[2] == "| [page](http://x/1) | see http://x/1 |"
