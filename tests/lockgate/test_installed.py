from __future__ import annotations

import pytest

from lockgate.installed import broken_sets


@pytest.mark.parametrize(
    ("versions", "named"),
    [
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "sqlalchemy": "2.0.58"}, []),
        ({"prefect": "3.8.8", "fastapi": "0.155.9", "sqlalchemy": "2.0.58"}, []),
        ({"prefect": "3.8.8", "fastapi": "0.156.0", "sqlalchemy": "2.0.58"}, ["fastapi 0.156.0"]),
        ({"prefect": "3.8.9", "fastapi": "1.0", "sqlalchemy": "2.1.9"}, ["fastapi 1.0", "sqlalchemy 2.1.9"]),
        ({"prefect": "3.8.8", "sqlalchemy": "2.1.0b1"}, ["sqlalchemy 2.1.0b1"]),
        ({"prefect": "3.9.0", "fastapi": "0.156.0", "sqlalchemy": "2.1.9"}, []),
        ({"fastapi": "0.156.0"}, []),
    ],
)
def test_only_what_is_known_to_break_is_named(versions, named) -> None:
    seen = [one.seen for one in broken_sets(versions)]
    assert len(seen) == len(named)
    assert all(words in text for words, text in zip(named, seen, strict=True))


def test_the_message_says_what_to_install() -> None:
    (problem,) = broken_sets({"prefect": "3.8.8", "fastapi": "0.156.0"})
    assert "Prefect's server does not start" in problem.seen
    assert problem.expected == "fastapi older than 0.156"
    assert "install `fastapi<0.156`" in problem.next
