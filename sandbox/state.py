"""State on disk: JSON files below one folder, each replaced atomically, so that a kill leaves the last whole state.

Also the two records that tests read: the journal (what was changed from outside) and the problems (requests that the
documented service would not know).
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
FIRST_ID = {"release": 220_000_001, "asset": 330_000_001, "run": 17_000_000_001, "job": 48_000_000_001}
FIRST_OTHER_ID = 90_001


def now() -> str:
    """The present instant as GitHub writes it: UTC, whole seconds, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_exact() -> str:
    """The present instant as the index writes it: UTC, microseconds, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put the content at the path in one instant: readers and a kill see the old file or the new one, nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class State:
    """The JSON files below one folder, with one lock for whoever reads and then writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()

    def read(self, name: str) -> JSON:
        """The document of that name (a path below the folder), empty when there is none."""
        try:
            document: JSON = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return {}
        return document

    def write(self, name: str, document: JSON, mode: int = 0o600) -> None:
        """Replace the document of that name."""
        write_atomically(self.folder / name, (json.dumps(document, indent=1) + "\n").encode(), mode)

    def names(self, subfolder: str) -> list[str]:
        """The names of all documents in a subfolder, ordered by number where they are numbers."""
        found = [entry.name for entry in (self.folder / subfolder).glob("*.json")]
        ordered = sorted(found, key=lambda name: (len(name), name))
        return [f"{subfolder}/{name}" for name in ordered]

    def all(self, subfolder: str) -> list[JSON]:
        """All documents of a subfolder, oldest (lowest number) first."""
        return [self.read(name) for name in self.names(subfolder)]

    def remove(self, name: str) -> None:
        """Take the document away; a missing one is no error."""
        (self.folder / name).unlink(missing_ok=True)

    def next_id(self, kind: str) -> int:
        """A number that was never given out for that kind."""
        with self.lock:
            counters = self.read("github/counters.json")
            number = int(counters.get(kind, FIRST_ID.get(kind, FIRST_OTHER_ID)))
            counters[kind] = number + 1
            self.write("github/counters.json", counters)
            return number

    def _append(self, name: str, entry: JSON) -> None:
        with self.lock, (self.folder / name).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def _lines(self, name: str) -> list[JSON]:
        try:
            text = (self.folder / name).read_text("utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def record_change(self, service: str, method: str, path: str, status: int, what: str) -> None:
        """Append one outside change to the journal."""
        entry = {"time": now_exact(), "service": service, "method": method, "path": path, "status": status}
        self._append("journal.jsonl", {**entry, "what": what})

    def journal(self) -> list[JSON]:
        """Every outside change so far, oldest first."""
        return self._lines("journal.jsonl")

    def record_problem(self, text: str) -> None:
        """Note a request that the documented service would not know."""
        self._append("problems.jsonl", {"time": now_exact(), "problem": text})

    def problems(self) -> list[str]:
        """The noted problems, oldest first."""
        return [line["problem"] for line in self._lines("problems.jsonl")]
