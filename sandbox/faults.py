"""Faults: named once, switched on by tests, by the demo, or from another process, and kept in faults.json.

Request faults are matched with `METHOD path` of a request; the others with what they act on (`push refs/tags/v1.2.3`
for the start of a run, `publish v1.2.3 publish.yml` for the publishing job, `attach v1.2.3 publish.yml` for a workflow's upload
to the GitHub release, `download v1.2.3 publish.yml` for its download of the release's files, `POST asset NAME` for a starter
asset).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from sandbox.state import JSON, State, now_exact

FaultName = Literal[
    "refuse",
    "error",
    "drop-reply",
    "late",
    "rate-limit",
    "missing-run",
    "hidden-run",
    "failed-publish",
    "half-publish",
    "other-bytes",
    "exchanged-asset",
    "skipped-publish",
    "starter-asset",
    "moved-main",
    "kill-caller",
]
ServiceName = Literal["origin", "github", "index", "storage"]
REQUEST_FAULTS = frozenset({"refuse", "error", "drop-reply", "rate-limit", "moved-main", "kill-caller"})
FILE = "faults.json"


@dataclass(frozen=True)
class Fault:
    """One armed fault: which service, which requests (a regular expression), how often, after how many matches.

    Options by name: error {status}, rate-limit {status, retry_after in seconds, primary: true}, hidden-run {lookups},
    late {lookups | seconds, only: "simple" | "json"}, failed-publish {text}, moved-main {path, text, message},
    kill-caller {pid, when: before | after}.
    """

    name: FaultName
    service: ServiceName = "github"
    match: str = ""
    times: int = 1
    after: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in get_args(FaultName):
            raise ValueError(f"{self.name!r} is no fault; the faults are {', '.join(get_args(FaultName))}")
        if self.service not in get_args(ServiceName):
            raise ValueError(f"{self.service!r} is no service; the services are {', '.join(get_args(ServiceName))}")
        re.compile(self.match)


class Faults:
    """The faults that are armed, and the ones that happened."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, fault: Fault) -> None:
        """Arm a fault; armed faults are asked in the order in which they were added."""
        with self._state.lock:
            document = self._state.read(FILE)
            document.setdefault("armed", []).append(asdict(fault))
            self._state.write(FILE, document)

    def clear(self) -> None:
        """Disarm all faults; what was seen stays."""
        with self._state.lock:
            document = self._state.read(FILE)
            document["armed"] = []
            self._state.write(FILE, document)

    @property
    def armed(self) -> list[Fault]:
        """The faults that will still happen, with the counts that are left."""
        return [Fault(**entry) for entry in self._state.read(FILE).get("armed", [])]

    @property
    def seen(self) -> list[JSON]:
        """The faults that happened: name, service, subject and time, oldest first."""
        seen: list[JSON] = self._state.read(FILE).get("seen", [])
        return seen

    def take(self, names: Collection[str], service: str, subject: str) -> Fault | None:
        """The first armed fault of those names that fits the subject, used up once; None when nothing shall go wrong."""
        with self._state.lock:
            document = self._state.read(FILE)
            for entry in document.get("armed", []):
                if entry["name"] not in names or entry["service"] != service or not re.search(entry["match"], subject):
                    continue
                happens = _use(document, entry, subject)
                self._state.write(FILE, document)
                if happens:
                    return Fault(**entry)
        return None


def _use(document: JSON, entry: JSON, subject: str) -> bool:
    """Count one match; True when the fault happens now rather than at a later match."""
    if entry["after"] > 0:
        entry["after"] -= 1
        return False
    entry["times"] -= 1
    if entry["times"] <= 0:
        document["armed"].remove(entry)
    seen = {"name": entry["name"], "service": entry["service"], "subject": subject, "time": now_exact()}
    document.setdefault("seen", []).append(seen)
    return True
