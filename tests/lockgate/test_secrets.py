"""A token shows itself only when asked to."""

from __future__ import annotations

import json
import pickle

import pytest

from lockgate.secrets import Token

SECRET = "ghp_0123456789"


@pytest.mark.parametrize("shown", [repr(Token(SECRET)), str(Token(SECRET)), f"{Token(SECRET)}", f"{[Token(SECRET)]}"])
def test_a_token_is_masked_wherever_it_is_printed(shown: str) -> None:
    assert SECRET not in shown
    assert "***" in shown


def test_a_token_is_revealed_without_the_blanks_around_it() -> None:
    assert Token(f" {SECRET}\n").reveal() == SECRET


def test_a_token_refuses_to_be_stored() -> None:
    with pytest.raises(TypeError, match="a token is never stored"):
        pickle.dumps(Token(SECRET))
    with pytest.raises(TypeError):
        json.dumps(Token(SECRET))


def test_tokens_compare_by_value_and_an_empty_one_is_false() -> None:
    assert Token(SECRET) == Token(SECRET)
    assert len({Token(SECRET), Token(SECRET)}) == 1
    assert not Token("  ")
