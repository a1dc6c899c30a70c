"""The generated pages say what the code says."""

from __future__ import annotations

import pytest

from cli.docs import FOLDER, PAGES, chart
from lockgate.steps import CHART


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_would_be_written_now(name: str) -> None:
    """When this fails: `make docs`, and commit what it wrote."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()


def test_chart_has_every_box_and_the_back_edge() -> None:
    lines = chart().splitlines()
    assert len([line for line in lines if " --> " in line]) == len(CHART) - 1
    assert "  B -->|Dirty repo or version conflict| B" in lines
    for one in CHART:
        assert any(line.startswith(f"  {one.node}") and one.title in line for line in lines)
