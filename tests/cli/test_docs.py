"""The generated pages say what the code says."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from cli.docs import CODES, FIELDS, FOLDER, OUTCOMES, PAGES, chart
from lockgate.outcome import ExitCode, Report, Word
from lockgate.steps import CHART


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_would_be_written_now(name: str) -> None:
    """When this fails: `make docs`, and commit what it wrote."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_field_outcome_and_code_has_its_words() -> None:
    assert list(FIELDS) == [one.name for one in fields(Report) if one.name != "plan"]
    assert tuple(OUTCOMES) == get_args(Word)
    assert list(CODES) == list(ExitCode)


def test_chart_has_every_box_and_the_back_edge() -> None:
    lines = chart().splitlines()
    assert len([line for line in lines if " --> " in line]) == len(CHART) - 1
    assert "  B -->|Dirty repo or version conflict| B" in lines
    for one in CHART:
        assert any(line.startswith(f"  {one.node}") and one.title in line for line in lines)
