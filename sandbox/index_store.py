"""What the index holds: projects, files and publishers, and the two doors to it (minting a token, uploading a file)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from sandbox.context import Context
from sandbox.faults import Fault
from sandbox.state import JSON, now_exact, write_atomically
from sandbox.upload_rules import Verdict, read_distribution, refusal

PUBLISHERS = "index/publishers.json"
NO_PUBLISHER = "valid token, but no corresponding publisher (Publisher with matching claims was not found)"
ATTESTATION_KIND = "GitHub"


@dataclass(frozen=True)
class Claims:
    """The claims of a run's identity that the index looks at, and the ref, which it does not."""

    owner: str
    repository: str
    workflow: str
    environment: str
    ref: str = ""


@dataclass(frozen=True)
class Upload:
    """One file on its way to the index."""

    filename: str
    content: bytes
    claims: Claims | None = None
    projects: list[str] | None = None
    lateness: JSON = field(default_factory=dict)


class MintError(Exception):
    """The index gave no upload token; `code` is its error code."""

    code = "invalid-publisher"


class IndexStore:
    """The index's state in one sandbox."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.state = context.state

    def project_file(self, name: str) -> str:
        """The document of a project."""
        return f"index/{canonicalize_name(name)}/project.json"

    def project(self, name: str) -> JSON:
        """What is known of a project, empty when it does not exist."""
        return self.state.read(self.project_file(name))

    def projects(self) -> list[JSON]:
        """All projects, by name."""
        return [self.project(path.parent.name) for path in sorted((self.state.folder / "index").glob("*/project.json"))]

    def file_path(self, name: str, filename: str) -> Path:
        """Where a published file is kept."""
        return self.state.folder / "index" / canonicalize_name(name) / filename

    def register(self, project: str, claims: Claims) -> None:
        """Add a Trusted Publisher (pending while the project does not exist)."""
        with self.state.lock:
            document = self.state.read(PUBLISHERS)
            entry = {"project": canonicalize_name(project), "owner": claims.owner, "repository": claims.repository}
            entry |= {"workflow": claims.workflow, "environment": claims.environment}
            if entry not in document.setdefault("publishers", []):
                document["publishers"].append(entry)
            self.state.write(PUBLISHERS, document)

    def publishers(self) -> list[JSON]:
        """The registered publishers."""
        found: list[JSON] = self.state.read(PUBLISHERS).get("publishers", [])
        return found

    def mint(self, claims: Claims) -> list[str]:
        """The projects a run with these claims may upload to; raises MintError when no publisher fits.

        Warehouse oidc/models/github.py: owner, repository and environment without regard to case, workflow exactly; a
        publisher with the token's environment goes before one that takes any.
        """
        fitting = [entry for entry in self.publishers() if _fits(entry, claims)]
        exact = [entry for entry in fitting if entry["environment"]]
        if not fitting:
            raise MintError(NO_PUBLISHER)
        return [str(entry["project"]) for entry in (exact or fitting)]

    def upload(self, upload: Upload) -> Verdict:
        """Take a file by the index's rules, or say why not; the same bytes again are taken without doing anything."""
        with self.state.lock:
            distribution = read_distribution(upload.filename, upload.content)
            if isinstance(distribution, Verdict):
                return distribution
            name = str(distribution["name"])
            project = self.project(name)
            refused = self._permission(project, name, upload) or refusal(project, distribution, upload.content)
            if refused is not None:
                return refused
            self._store(project, distribution, upload)
            what = f"published {upload.filename}"
            self.state.record_change("index", "POST", "/legacy/", 200, what)
            return Verdict(200, "OK")

    def _permission(self, project: JSON, name: str, upload: Upload) -> Verdict | None:
        if upload.projects is None:
            return None
        if not project and canonicalize_name(name) not in upload.projects:
            text = "Non-user identities cannot create new projects. This was probably caused by successfully using a "
            return Verdict(400, text + "pending publisher but specifying the project name incorrectly.")
        inactive = project.get("status", "active") in ("archived", "quarantined")
        if inactive or canonicalize_name(name) not in upload.projects:
            return Verdict(403, f"The given token isn't allowed to upload to project '{canonicalize_name(name)}'.")
        return None

    def _store(self, project: JSON, distribution: JSON, upload: Upload) -> None:
        name = str(distribution["name"])
        write_atomically(self.file_path(name, upload.filename), upload.content)
        metadata = str(distribution["metadata"]).encode()
        has_metadata = upload.filename.endswith(".whl")
        if has_metadata:
            write_atomically(self.file_path(name, f"{upload.filename}.metadata"), metadata)
        entry = {
            "filename": upload.filename,
            "version": distribution["version"],
            "sha256": hashlib.sha256(upload.content).hexdigest(),
            "blake2_256": hashlib.blake2b(upload.content, digest_size=32).hexdigest(),
            "size": len(upload.content),
            "upload_time": now_exact(),
            "requires_python": distribution["requires_python"],
            "metadata_sha256": hashlib.sha256(metadata).hexdigest() if has_metadata else None,
            "packagetype": "bdist_wheel" if has_metadata else "sdist",
            "summary": distribution["summary"],
            "yanked": False,
            "publisher": self._publisher(upload.claims),
            **upload.lateness,
        }
        new = {"name": name, "status": "active", "files": [], "deleted": []}
        document = {**(project or new)}
        document["files"] = [*document["files"], entry]
        document["serial"] = int(document.get("serial", 1000)) + 1
        self.state.write(self.project_file(name), document)

    def _publisher(self, claims: Claims | None) -> JSON | None:
        """The publisher as the index has it configured (its environment, not the job's)."""
        if claims is None:
            return None
        fitting = [entry for entry in self.publishers() if _fits(entry, claims)]
        chosen = [entry for entry in fitting if entry["environment"]] or fitting
        environment = (chosen[0]["environment"] if chosen else "") or None
        repository = f"{claims.owner}/{claims.repository}"
        workflow = {"repository": repository, "workflow": claims.workflow, "environment": environment}
        return {"kind": ATTESTATION_KIND, **workflow, "claims": None}


def _fits(entry: JSON, claims: Claims) -> bool:
    same = all(str(entry[key]).lower() == getattr(claims, key).lower() for key in ("owner", "repository"))
    environment = str(entry["environment"]).lower()
    return same and entry["workflow"] == claims.workflow and environment in ("", claims.environment.lower())


def lateness_of(fault: Fault | None) -> JSON:
    """How long new files stay unseen: a number of look-ups, or seconds; `only: "simple"` shows the JSON API at once."""
    if fault is None:
        return {}
    where = {"late_only": fault.options.get("only", "")}
    if "seconds" in fault.options:
        return {**where, "late_seconds": float(fault.options["seconds"])}
    return {**where, "late_lookups": int(fault.options.get("lookups", 2))}
