"""Where the project's code runs: a clean export of a commit, fresh each time and thrown away afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients import exports, git_workspace
from clients.exports import Files
from planning.release import Release


@dataclass(frozen=True, slots=True)
class Exported:
    """A clean export: its folder, what was written into it, and what its clone borrows from elsewhere."""

    folder: Path
    files: Files
    borrows: tuple[Path, ...] = ()


@contextmanager
def exported(release: Release, commit: str, *, history: bool = False, branch: str = "") -> Iterator[Exported]:
    """A clean export of a commit in a folder of its own, removed afterwards, as is first what a killed attempt left there."""
    parent = release.workspace.with_name(f".exports-{release.workspace.name}")
    # Best effort: what a killed attempt's child still writes to at this moment is removed the next time.
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export-", dir=parent, ignore_cleanup_errors=True) as folder:
        source = Path(folder) / release.settings.project
        files = exports.export(release.workspace, commit, source, history=history, branch=branch)
        try:
            yield Exported(source, files, (exports.borrowed(release.workspace),) if history else ())
        finally:
            # Where nothing keeps the project's code apart, it may have written into Lockgate's own repository.
            git_workspace.renew(release.workspace, release.origin_url)
