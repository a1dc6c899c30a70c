from __future__ import annotations

import tomllib

import pytest

from lockgate.project_urls import repository_named


@pytest.mark.parametrize(
    ("pyproject", "setup_cfg", "slug"),
    [
        ('[project.urls]\nHomepage = "https://github.com/o/n"\n', "", "o/n"),
        ('[project.urls]\nTracker = "https://github.com/o/n/issues"\n', "", "o/n"),
        ('[project.urls]\nFunding = "https://github.com/sponsors/o"\nx = "https://GitHub.com/o/n.git"\n', "", "o/n"),
        ('[project.urls]\nDocs = "https://github.com/o/docs"\n"Source Code" = "https://github.com/o/n"\n', "", "o/n"),
        ('[project.urls]\nHomepage = "https://github.com/o"\n', "", None),
        ('[project.urls]\nHomepage = "https://example.com/o/n"\n', "", None),
        ('[project.urls]\nHomepage = "https://[broken"\n', "", None),
        ('[project]\nurls = "no table"\n', "", None),
        ('[tool.poetry]\nhomepage = "https://example.com"\nrepository = "https://github.com/o/n"\n', "", "o/n"),
        ('[tool.poetry.urls]\n"Bug Tracker" = "https://github.com/o/n/issues"\n', "", "o/n"),
        ('[tool.flit.metadata]\nhome-page = "https://github.com/o/n"\n', "", "o/n"),
        ("", "[metadata]\nurl = https://github.com/o/n/\n", "o/n"),
        ("", "[metadata]\nproject_urls =\n    Source = https://github.com/o/n\n    Docs = https://x.y/\n", "o/n"),
        ("", "no configuration", None),
        ("", "", None),
    ],
)
def test_the_repository_is_read_from_the_metadata(pyproject: str, setup_cfg: str, slug: str | None) -> None:
    assert repository_named(tomllib.loads(pyproject), setup_cfg) == slug
