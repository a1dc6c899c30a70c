"""What changed between the previous release's wheel and the built one, for a person who is to approve it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from clients import build, index
from lockgate.artifacts import Artifact, ArtifactContents
from lockgate.publication import version_files
from lockgate.wheel_changes import compare_wheels
from planning import survey
from planning.release import Release


def what_changed(release: Release, artifacts: Sequence[Artifact]) -> str:
    """A Markdown table for each built wheel, read from the store and compared with the index's newest earlier one.

    Raises UnavailableError when the index does not answer, RefusedError when the store has lost the bytes.
    """
    wheels = [one for one in artifacts if one.kind == "wheel"]
    with tempfile.TemporaryDirectory(prefix="changes-", dir=release.workspace.parent) as folder:
        before = _previous_wheel(release, Path(folder) / "previous") if wheels else None
        tables = []
        for one in wheels:
            release.store.fetch(one.sha256, Path(folder) / one.name)
            tables.append(compare_wheels(before, build.inspect_artifact(Path(folder) / one.name)))
    return "\n\n".join(tables)


def _previous_wheel(release: Release, folder: Path) -> ArtifactContents | None:
    """The wheel of the newest earlier release on the index that has one; None at a first release."""
    project = survey.look_at_index(release)
    earlier = sorted((one for one in project.versions if one < release.version), reverse=True) if project else []
    for version in earlier:
        wheels = [file for file in version_files(project, version) if file.name.endswith(".whl") and file.sha256]
        if wheels:
            folder.mkdir()
            return build.inspect_artifact(index.download(wheels[0], folder / wheels[0].name))
    return None
