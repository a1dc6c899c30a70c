"""A token that does not show itself."""

from __future__ import annotations

from typing import Final, NoReturn

from lockgate.masking import learn

_MASK: Final = "***"


class Token:
    """A secret text: printing, formatting and `repr` give a mask, it is masked in all that is written, and refuses to be pickled.

    Prefect stores results by pickling them, so a token that slips into one is an error there and not a leak.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()
        learn(self._value)

    def reveal(self) -> str:
        """Give the secret itself; for the one call that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Token, self._value))

    def __repr__(self) -> str:
        return f"Token({_MASK!r})"

    def __str__(self) -> str:
        return _MASK

    def __reduce__(self) -> NoReturn:
        msg = "a token is never stored: pass it at the moment of use"
        raise TypeError(msg)
