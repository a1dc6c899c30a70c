"""The section of one version, in the forms that changelogs have."""

from __future__ import annotations

import pytest
from packaging.version import Version

from lockgate.changelogs import changelog_section

MARKDOWN = (
    "# Changelog\n\n## Unreleased\n\n- later\n\n## [1.2.0] - 2026-11-22\n\n### Added\n\n- this\n\n## 1.1.0\n\n- old\n"
)
RST = "Changes\n=======\n\n1.2.0 (2026-11-22)\n------------------\n\n* this\n\n1.1.0\n-----\n\n* old\n"


@pytest.mark.parametrize(
    ("text", "version", "section"),
    [
        (MARKDOWN, "1.2.0", "### Added\n\n- this"),
        (MARKDOWN, "1.2", "### Added\n\n- this"),
        (MARKDOWN, "1.1.0", "- old"),
        (MARKDOWN, "1.3.0", ""),
        (RST, "1.2.0", "* this"),
        (RST, "1.1.0", "* old"),
        ("## v2.0rc1\n\nnew\n", "2.0.0rc1", "new"),
        ("## 1.2.0\n", "1.2.0", ""),
        ("", "1.0", ""),
    ],
)
def test_section_of_a_version(text: str, version: str, section: str) -> None:
    assert changelog_section(text, Version(version)) == section
