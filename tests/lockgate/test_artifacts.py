from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from packaging.version import Version

from lockgate.artifacts import (
    Artifact,
    ArtifactContents,
    ContainedFile,
    check_artifacts,
    import_names,
    kind_of,
    size_text,
)

VERSION = Version("1.2.0")
METADATA = "Metadata-Version: 2.4\nName: sample-pkg\nVersion: 1.2.0\nSummary: A sample\n"
INFO = "sample_pkg-1.2.0.dist-info"


def wheel(
    metadata: str = METADATA,
    files: Sequence[str] = ("sample_pkg/__init__.py",),
    name: str = "sample_pkg-1.2.0-py3-none-any.whl",
    entry_points: tuple[str, ...] = (),
) -> ArtifactContents:
    names = [*files, f"{INFO}/METADATA", f"{INFO}/WHEEL", f"{INFO}/RECORD"]
    contained = tuple(ContainedFile(name, 10) for name in names)
    return ArtifactContents(Artifact(name, "a" * 64, 1000, "wheel"), metadata, contained, entry_points)


def sdist(metadata: str = METADATA, name: str = "sample_pkg-1.2.0.tar.gz") -> ArtifactContents:
    folder = name.removesuffix(".tar.gz")
    contained = tuple(ContainedFile(f"{folder}/{name}", 10) for name in ("PKG-INFO", "pyproject.toml"))
    return ArtifactContents(Artifact(name, "b" * 64, 900, "sdist"), metadata, contained)


def words(*found: ArtifactContents, project: str = "sample-pkg", **options: object) -> list[str]:
    return [str(problem) for problem in check_artifacts(found, project, VERSION, **options)]  # type: ignore[arg-type]


def test_a_good_pair_has_no_problems() -> None:
    assert words(sdist(), wheel()) == []


@pytest.mark.parametrize("spelling", ["sample-pkg", "Sample_Pkg", "SAMPLE.PKG"])
def test_a_project_may_be_spelt_in_any_way(spelling: str) -> None:
    metadata = METADATA.replace("sample-pkg", spelling)
    assert words(sdist(metadata), wheel(metadata), project="sample.pkg") == []


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([wheel()], ["The build made 0 sdists: none. Expected: exactly one."]),
        ([sdist()], ["The build made no wheel."]),
        ([sdist(), sdist(), wheel()], ["The build made 2 sdists"]),
    ],
)
def test_the_set_must_be_whole(found: list[ArtifactContents], says: list[str]) -> None:
    assert all(word in text for word, text in zip(says, words(*found), strict=True))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Requires-Dist: other @ https://example.com/other.zip", "'other @ https://example.com/other.zip' is a direct URL"),
        ("Classifier: Private :: Do Not Upload", "'Private :: Do Not Upload' says that it must not be published"),
        ("Classifier: Development Status :: 9 - Perfect", "'Development Status :: 9 - Perfect' is not a known classifier"),
        ("Classifier: Natural Language :: Ukranian", "is deprecated. Expected: its successor: Natural Language :: Ukrainian"),
        (f"Project-URL: {'x' * 33}, https://example.com", "has 33 characters. Expected: at most 32"),
        ("Requires-Python: three", "Expected: a valid requires-python"),
        ("Requires-Dist: not a requirement!", "Expected: a valid requires-dist"),
        ("License-Expression: Whatever", "Expected: a valid license-expression"),
    ],
)  # fmt: skip
def test_metadata_the_index_refuses_are_found_in_both(line: str, says: str) -> None:
    bad = f"{METADATA}{line}\n"
    found = words(sdist(bad), wheel(bad))
    assert [text.split(":")[0] for text in found] == ["sample_pkg-1.2.0.tar.gz", "sample_pkg-1.2.0-py3-none-any.whl"]
    assert all(says in text for text in found)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Version: 1.2.0", "Version: 1.2.0+local", "'1.2.0+local' is a local version"),
        ("Version: 1.2.0", "Version: 1.2.1", "metadata gives the version '1.2.1'. Expected: 1.2.0."),
        ("Version: 1.2.0", "Version: soon", "metadata gives the version 'soon'. Expected: a version as PEP 440"),
        ("Name: sample-pkg", "Name: other", "metadata names the project 'other'. Expected: 'sample-pkg'."),
    ],
)
def test_another_identity_in_the_metadata_is_found(old: str, new: str, says: str) -> None:
    assert any(says in text for text in words(sdist(), wheel(METADATA.replace(old, new))))


def test_a_version_in_another_spelling_is_the_same() -> None:
    assert words(sdist(), wheel(METADATA.replace("Version: 1.2.0", "Version: v1.2"))) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sample_pkg-1.3.0.tar.gz", "is sample-pkg 1.3.0 by its file name. Expected: sample-pkg 1.2.0."),
        ("other-1.2.0.tar.gz", "is other 1.2.0 by its file name"),
        ("sample-pkg-1.2.0.tar.gz", "is not normalised. Expected: a name that begins with 'sample_pkg-'"),
        ("sample_pkg.tar.gz", "is not valid"),
    ],
)
def test_sdist_names_are_checked(name: str, says: str) -> None:
    assert any(says in text for text in words(sdist(name=name), wheel()))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sample_pkg-1.2.1-py3-none-any.whl", "is sample-pkg 1.2.1 by its file name"),
        ("sample_pkg-1.2.0-any.whl", "is not valid"),
    ],
)
def test_wheel_names_are_checked(name: str, says: str) -> None:
    assert any(says in text for text in words(sdist(), wheel(name=name)))


@pytest.mark.parametrize(
    ("tag", "refused"),
    [
        ("linux_x86_64", True),
        ("linux_aarch64", True),
        ("linux_armv7l", False),
        ("manylinux_2_28_x86_64", False),
        ("manylinux1_x86_64.linux_x86_64", True),
        ("musllinux_1_2_aarch64", False),
        ("macosx_11_0_arm64", False),
        ("win_amd64", False),
    ],
)
def test_platform_tags_the_index_refuses_are_found(tag: str, refused: bool) -> None:
    found = (sdist(), wheel(name=f"sample_pkg-1.2.0-cp311-cp311-{tag}.whl"))
    assert [text for text in words(*found) if "plain linux tags" in text] == words(*found)
    assert bool(words(*found)) is refused
    assert words(*found, published=False) == []


def test_missing_metadata_are_found() -> None:
    assert words(sdist(""), wheel(""))[0].startswith("sample_pkg-1.2.0.tar.gz has no metadata. Expected: PKG-INFO")
    assert words(sdist(""), wheel(""))[1].startswith("sample_pkg-1.2.0-py3-none-any.whl has no metadata")


def test_the_size_limit_is_the_largest_allowed() -> None:
    assert words(sdist(), wheel(), limit_bytes=1000) == []
    (text,) = words(sdist(), wheel(), limit_bytes=999)
    assert text.startswith("sample_pkg-1.2.0-py3-none-any.whl has 1000 B. Expected: at most 999 B")


def test_what_the_index_takes_for_a_bomb_is_found() -> None:
    bomb = replace(wheel(), files=(*wheel().files, ContainedFile("sample_pkg/zeros", 64 * 1024 * 1024 + 1)))
    (text,) = words(sdist(), bomb)
    assert "sample_pkg/zeros unpacks to 64.0 MiB. Expected: at most 50 times its packed size" in text
    large = replace(bomb, artifact=replace(bomb.artifact, size=2 * 1024 * 1024))
    assert words(sdist(), large) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "sample_pkg/../../outside", "sample_pkg\\..\\x"])
def test_paths_that_leave_the_folder_are_found(path: str) -> None:
    assert any(
        "relative paths that stay inside" in text for text in words(sdist(), wheel(files=("sample_pkg.py", path)))
    )


@pytest.mark.parametrize(
    "unwanted", ["tests/__init__.py", "docs/conf.py", "tests/unit/test_a.py", "setup.py", "src/a.py"]
)
def test_packages_nobody_wants_are_found(unwanted: str) -> None:
    (text,) = words(sdist(), wheel(files=("sample_pkg/__init__.py", unwanted)))
    top = unwanted.split("/")[0].removesuffix(".py")
    assert f"installs the top-level packages {top} for everyone. Expected: only sample_pkg." in text


def test_a_project_may_have_an_unusual_name() -> None:
    """A project named `tools` may install `tools`; data folders and nested tests are no packages."""
    assert words(sdist(), wheel(files=("sample_pkg/tests/test_a.py", "sample_pkg/__init__.py", "docs/x.txt"))) == []
    assert words(sdist(), wheel(files=("tools/__init__.py",)), import_packages=["tools"]) == []


def test_named_packages_are_the_only_ones_and_all_there() -> None:
    found = words(sdist(), wheel(files=("a/__init__.py", "b.py")), import_packages=["a", "c.d"])
    assert "installs the top-level packages b for everyone. Expected: only a." in found[0]
    assert "does not hold c." in found[1]


def test_a_wheel_without_code_is_found_but_a_metapackage_is_fine() -> None:
    assert "holds nothing that can be imported" in words(sdist(), wheel(files=("data.txt",)))[0]
    assert words(sdist(), wheel(METADATA + "Requires-Dist: other\n", files=())) == []


def test_metadata_folders_of_a_wheel_are_checked() -> None:
    extra = replace(wheel(), files=(*wheel().files, ContainedFile("other-1.0.dist-info/METADATA", 1)))
    assert f"holds the metadata folders other-1.0.dist-info, {INFO}. Expected: only {INFO}" in words(sdist(), extra)[0]
    bare = replace(wheel(), files=tuple(f for f in wheel().files if not f.name.endswith("RECORD")))
    assert "has no RECORD" in words(sdist(), bare)[0]


def test_the_shape_of_an_sdist_is_checked() -> None:
    flat = replace(sdist(), files=(ContainedFile("pyproject.toml", 1), ContainedFile("sample_pkg-1.2.0/a", 1)))
    found = words(flat, wheel())
    assert "unpacks into pyproject.toml, sample_pkg-1.2.0. Expected: one folder, sample_pkg-1.2.0." in found[0]
    assert "has no PKG-INFO" in found[1]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/__init__.py", "a/b.py", "c.py"], ("a", "c")),
        (["space/one/__init__.py", "space/one/x.py", "space/two.py"], ("space.one", "space.two")),
        (["a/__init__.py", "a/_fast.cpython-311-x86_64-linux-gnu.so"], ("a",)),
        (["_fast.abi3.so", "_win.cp311-win_amd64.pyd"], ("_fast", "_win")),
        (["sample_pkg-1.2.0.data/purelib/a/__init__.py", "sample_pkg-1.2.0.data/scripts/run.py"], ("a",)),
        (["a/template/no-module.py", "a/__init__.py", "x.pth", "data/x.json"], ("a",)),
    ],
)
def test_import_names_are_the_topmost_real_modules(files: list[str], names: tuple[str, ...]) -> None:
    assert import_names(wheel(files=files)) == names


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (100 << 20, "100.0 MiB")]
)
def test_sizes_are_told_in_the_units_of_the_index(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(("name", "kind"), [("a-1.tar.gz", "sdist"), ("a-1-py3-none-any.whl", "wheel")])
def test_kinds_follow_from_names(name: str, kind: str) -> None:
    assert kind_of(name) == kind
