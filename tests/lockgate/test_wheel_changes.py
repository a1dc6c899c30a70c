from __future__ import annotations

from lockgate.artifacts import Artifact, ArtifactContents, ContainedFile
from lockgate.wheel_changes import compare_wheels


def wheel(version: str, files: list[str], *lines: str, entry_points: tuple[str, ...] = ()) -> ArtifactContents:
    metadata = "\n".join(["Metadata-Version: 2.4", "Name: a", f"Version: {version}", *lines, ""])
    contained = (*(ContainedFile(name, 512) for name in files), ContainedFile(f"a-{version}.dist-info/METADATA", 512))
    artifact = Artifact(f"a-{version}-py3-none-any.whl", "a" * 64, 1024 * len(contained), "wheel")
    return ArtifactContents(artifact, metadata, contained, entry_points)


def rows(text: str) -> dict[str, list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells[2:]}


def test_every_kind_of_change_is_in_the_table() -> None:
    before = wheel("1.0", ["a/__init__.py", "a/old.py"], "Requires-Dist: x<2", "Requires-Python: >=3.9")
    after = wheel(
        "1.1",
        ["a/__init__.py", "a/new.py", "a/more.py"],
        "Requires-Dist: x<3",
        "Requires-Python: >=3.10",
        entry_points=("console_scripts: a = a:main",),
    )
    text = compare_wheels(before, after)
    assert text.startswith("**What changed since a-1.0-py3-none-any.whl**\n\n| what | before → now |")
    assert rows(text) == {
        "files": ["3 → 4", "+ `a/more.py`<br>+ `a/new.py`<br>− `a/old.py`"],
        "entry points": ["0 → 1", "+ `console_scripts: a = a:main`"],
        "dependencies": ["1 → 1", "+ `x<3`<br>− `x<2`"],
        "requires Python": ["`>=3.9` → `>=3.10`", ""],
        "size": ["`3.0 KiB` → `4.0 KiB`", ""],
        "unpacked": ["`1.5 KiB` → `2.0 KiB`", ""],
    }


def test_the_same_contents_show_no_change() -> None:
    """Another version alone does not make the metadata folder's files new ones."""
    found = rows(compare_wheels(wheel("1.0", ["a.py"]), wheel("2.0", ["a.py"])))
    assert found["files"] == ["2 → 2", "none"]
    assert found["requires Python"] == ["`any`", ""]


def test_a_first_release_shows_what_it_holds() -> None:
    text = compare_wheels(None, wheel("1.0", ["a.py"]))
    assert "**What a-1.0-py3-none-any.whl holds (first release)**" in text
    assert rows(text)["files"] == ["2", "+ `a.dist-info/METADATA`<br>+ `a.py`"]


def test_long_lists_are_cut_with_a_count() -> None:
    text = compare_wheels(None, wheel("1.0", [f"a/m{number:02}.py" for number in range(40)]))
    assert rows(text)["files"][1].endswith("`<br>+ 21 more")


def test_names_from_an_archive_cannot_break_the_table() -> None:
    text = compare_wheels(None, wheel("1.0", ["a|b`<img src=x>\n.py"]))
    assert "``a\\|b`<img src=x> .py``" in text
