"""The sandbox as its users hold it: create or open, start and close, and set what the outside shall be like."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from sandbox import github_actions, github_deployments, github_git, github_releases, github_repository
from sandbox.context import REPOSITORY, SETTINGS, Context
from sandbox.environments import configure_environment
from sandbox.events import WORKFLOW_FOLDER, WORKFLOWS, finish_interrupted_push, move_main, run_file, workflow_entry
from sandbox.faults import Faults
from sandbox.git_repository import Repository, clone_as_origin
from sandbox.index_http import handle_index
from sandbox.index_store import Claims, IndexStore, Upload
from sandbox.runner import Runner
from sandbox.serving import LOOPBACK, Server, Service, listen
from sandbox.state import JSON, State, now
from sandbox.storage import handle_storage
from sandbox.web import handle_web

ENDPOINTS = (github_actions, github_deployments, github_git, github_releases, github_repository)
SERVICES = ("github", "index", "storage")
BANNER = """\
**************************************************************************
*  LOCKGATE SANDBOX: stand-ins for origin, GitHub and the package index  *
*  Nothing here is public. Nothing that is released here is released.    *
**************************************************************************"""
POLL_SECONDS = 0.02
FOR_EVER_SECONDS = 1e9
PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "actions": "write",
    "deployments": "write",
    "administration": "read",
    "attestations": "read",
    "workflows": "write",
    "statuses": "read",
    "push": "true",
    "admin": "false",
}


class Sandbox:
    """Origin, GitHub and index with state in a folder; a context manager whose servers run in this process's threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._state = State(self.folder)
        self.faults = Faults(self._state)
        self._context = Context(self._state, self.faults, Repository(self.folder / "origin.git"))
        self._context.move_main = lambda options: move_main(self._context, options)
        self._servers: list[Server] = []
        self._runner = Runner(self._context)

    @classmethod
    def create(cls, folder: Path, repository: Path, slug: str) -> Self:
        """A new sandbox around a clone of the repository, named `owner/name`.

        Raises ValueError when the folder holds one already, the slug is none, or the repository cannot be cloned.
        """
        if (folder / SETTINGS).exists():
            raise ValueError(f"{str(folder)!r} is a sandbox already; open it, or give another folder")
        if len([part for part in slug.split("/") if part]) != 2:
            raise ValueError(f"{slug!r} does not name a repository; give it as OWNER/NAME")
        if (folder / "origin.git").exists():
            raise ValueError(
                f"{str(folder)!r} holds an origin.git but no {SETTINGS}; remove that, or give another folder"
            )
        branch = clone_as_origin(folder.absolute(), repository.absolute())
        sandbox = cls(folder)
        state = sandbox._state
        state.write(REPOSITORY, {"default_branch": branch, "created_at": now()})
        settings: JSON = {
            "slug": slug,
            "source": str(repository.absolute()),
            "login": slug.split("/")[0],
            "token": f"ghp_{secrets.token_hex(18)}",
        }
        settings |= {"link_secret": secrets.token_hex(16), "permissions": PERMISSIONS, "ports": {}}
        for name in ("github/releases", "github/runs", "github/logs", "index"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        state.write(SETTINGS, settings, 0o600)
        return sandbox

    @classmethod
    def open(cls, folder: Path) -> Self:
        """An existing sandbox as it was left; raises ValueError when the folder holds none."""
        if not (folder / SETTINGS).exists():
            raise ValueError(f"{str(folder)!r} is no sandbox: it has no {SETTINGS}; create one from a repository first")
        return cls(folder)

    def start(self) -> Self:
        """Start the servers, on the ports they had when those are free, and take up unfinished runs."""
        if self._servers:
            return self
        ports = self._context.settings["ports"]
        listeners = {name: listen(int(ports.get(name, 0))) for name in SERVICES}
        ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
        self._change_settings(ports=ports)
        self._context.addresses = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        self._context.stopping = False
        self._context.start_run = self._runner.start
        handlers = {"github": handle_web, "index": handle_index, "storage": handle_storage}
        for name, listener in listeners.items():
            handle = handlers[name]
            service = Service(name, self._context, lambda call, handle=handle: handle(self._context, call))  # type: ignore[misc]
            self._servers.append(Server(service, listener))
        finish_interrupted_push(self._context)
        self._runner.resume_all()
        return self

    def close(self) -> None:
        """Stop the servers; unfinished runs stay as they are."""
        self._context.stopping = True
        for server in self._servers:
            server.stop()
        for server in self._servers:
            server.join()
        self._servers = []
        self._runner.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _change_settings(self, **changes: Any) -> None:
        with self._state.lock:
            self._state.write(SETTINGS, {**self._context.settings, **changes}, 0o600)

    def _address(self, service: str) -> str:
        if not self._context.addresses:
            raise RuntimeError("The sandbox is not started, so it has no addresses; call start() first")
        return self._context.addresses[service]

    @property
    def slug(self) -> str:
        """`owner/name`."""
        return self._context.slug

    @property
    def source(self) -> str:
        """The repository that it was made from; empty when that is not known."""
        return str(self._context.settings.get("source", ""))

    @property
    def token(self) -> str:
        """The made-up token, for the API and for pushes."""
        return str(self._context.settings["token"])

    @property
    def default_branch(self) -> str:
        """The release branch: HEAD's branch of the repository the sandbox was made from."""
        return self._context.default_branch

    @property
    def origin_url(self) -> str:
        """Where git clones from and pushes to."""
        return f"{self.github_url}/{self.slug}.git"

    @property
    def github_url(self) -> str:
        """The web server, base of every html_url."""
        return self._address("github")

    @property
    def api_url(self) -> str:
        """Base of the REST API, what GITHUB_API_URL is set to."""
        return f"{self.github_url}/api/v3"

    @property
    def index_url(self) -> str:
        """The index's Simple API."""
        return f"{self._address('index')}/simple/"

    @property
    def ports(self) -> dict[str, int]:
        """The ports of github (with git), index and storage, as of the last start."""
        ports: dict[str, int] = self._context.settings["ports"]
        return ports

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point a release here."""
        names = {"GITHUB_API_URL": self.api_url, "GITHUB_SERVER_URL": self.github_url}
        return {**names, "LOCKGATE_INDEX_URL": self.index_url, "GH_TOKEN": self.token}

    @property
    def problems(self) -> list[str]:
        """Requests that the documented services would not know; tests assert that there are none."""
        return self._state.problems()

    @property
    def journal(self) -> list[JSON]:
        """Every outside change so far: time, service, method, path, status, what."""
        return self._state.journal()

    @property
    def releases(self) -> list[JSON]:
        """The GitHub releases as kept, drafts included."""
        return self._state.all("github/releases")

    @property
    def runs(self) -> list[JSON]:
        """The workflow runs as kept, oldest first."""
        return self._state.all("github/runs")

    def register_publisher(
        self, project: str, *, owner: str, repository: str, workflow: str, environment: str = ""
    ) -> None:
        """Add a Trusted Publisher for a project that exists or is to be (pending)."""
        IndexStore(self._context).register(project, Claims(owner, repository, workflow, environment))

    def grant(self, **permissions: str) -> None:
        """Change what the token may do: `contents="read"`, `workflows="none"`; `push="false"`, `admin="true"` for its user."""
        self._change_settings(permissions={**self._context.settings["permissions"], **permissions})

    def wait_idle(self, timeout: float) -> None:
        """Wait until no run is being executed (one that waits for a reviewer is not); TimeoutError after so many seconds."""
        deadline = time.monotonic() + timeout
        while self._runner.busy():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Runs {self._runner.busy()} are still being executed after {timeout} seconds")
            time.sleep(POLL_SECONDS)

    def add_ruleset(
        self, *, target: str = "tag", include: Sequence[str] = ("~ALL",), exclude: Sequence[str] = (),
        rules: Sequence[str | Mapping[str, Any]] = ("creation",), enforcement: str = "active",
        bypass: str = "never", name: str = "rules",
    ) -> int:  # fmt: skip
        """Add a ruleset; rules are type names or whole rules; patterns are full refs or ~ALL. Answers its id."""
        with self._state.lock:
            number = self._state.next_id("ruleset")
            condition = {"ref_name": {"include": list(include), "exclude": list(exclude)}}
            whole = [{"type": rule} if isinstance(rule, str) else dict(rule) for rule in rules]
            ruleset = {"id": number, "name": name, "target": target, "enforcement": enforcement, "rules": whole}
            ruleset |= {"conditions": condition, "current_user_can_bypass": bypass}
            ruleset |= {"created_at": now(), "updated_at": now()}
            self._context.update_repository(rulesets=[*self._context.repository.get("rulesets", []), ruleset])
            return number

    def set_environment(
        self, name: str, *, reviewers: Sequence[str] = (), wait_timer: int = 0, prevent_self_review: bool = False,
        policies: Sequence[tuple[str, str]] | str | None = None,
    ) -> None:  # fmt: skip
        """Configure an environment: policies are (pattern, tag | branch) pairs, "protected", or None for any ref."""
        kept: object = policies
        if policies is not None and not isinstance(policies, str):
            kept = [{"name": pattern, "type": kind} for pattern, kind in policies]
        settings = {"reviewers": list(reviewers), "wait_timer": wait_timer, "policies": kept}
        configure_environment(self._context, name, **settings, prevent_self_review=prevent_self_review)

    def set_immutable(self, immutable: bool) -> None:
        """Whether releases become immutable when they are published."""
        self._context.update_repository(immutable=immutable)

    def set_private(self, private: bool) -> None:
        """Whether reading needs the token."""
        self._context.update_repository(private=private)

    def set_archived(self, archived: bool) -> None:
        """Whether the repository is archived."""
        self._context.update_repository(archived=archived)

    def set_delay(self, seconds: float) -> None:
        """How long a run stays in each of its states."""
        self._context.update_repository(delay_seconds=seconds)

    def set_rate_limit(self, remaining: int) -> None:
        """How many requests the hour still allows, of 5000 (only told, nothing is refused: see the rate-limit fault)."""
        self._context.update_repository(rate_remaining=remaining)

    def set_former_name(self, slug: str) -> None:
        """Let the repository have been renamed: under this `owner/name` the API answers 301."""
        self._context.update_repository(former_slug=slug)

    def set_retention(self, days: int) -> None:
        """How many days logs and artifacts are kept."""
        self._context.update_repository(retention_days=days)

    def disable_workflow(self, file: str, state: str = "disabled_manually") -> None:
        """Disable a workflow by its file's name; `active` enables it again."""
        with self._state.lock:
            path = f"{WORKFLOW_FOLDER}/{file}"
            workflow_entry(self._context, path)
            document = self._state.read(WORKFLOWS)
            document[path]["state"] = state
            self._state.write(WORKFLOWS, document)

    def expire_logs(self, run_id: int) -> None:
        """Let the logs of a run be gone (410)."""
        with self._state.lock:
            run = self._state.read(run_file(run_id))
            self._state.write(run_file(run_id), {**run, "logs_expired": True})

    def publish_file(
        self, project: str, path: Path, *, yanked: bool | str = False, upload_time: str = "", hidden_from: str = ""
    ) -> None:
        """Put a file on the index as an earlier release would have; raises ValueError when its rules refuse it.

        `hidden_from` "simple" or "json" is the view that never shows it.
        """
        store = IndexStore(self._context)
        named = parse_wheel_filename(path.name) if path.suffix == ".whl" else parse_sdist_filename(path.name)
        verdict = store.upload(Upload(path.name, path.read_bytes()))
        if verdict.status != 200:
            raise ValueError(f"The index refuses {path.name} ({named[0]} {named[1]}): {verdict.reason}")
        changes: JSON = {"yanked": yanked, **({"upload_time": upload_time} if upload_time else {})}
        if hidden_from:
            changes |= {"late_only": hidden_from, "late_seconds": FOR_EVER_SECONDS}
        self._change_files(project, path.name, changes)

    def _change_files(self, project: str, filename: str, changes: JSON) -> None:
        store = IndexStore(self._context)
        with self._state.lock:
            document = store.project(project)
            if not document:
                raise ValueError(f"{project!r} is not on the sandbox's index")
            for entry in document["files"]:
                if filename in ("", entry["filename"]):
                    entry.update(changes)
            self._state.write(store.project_file(project), document)

    def attest(self, project: str, filename: str, provenance: JSON) -> None:
        """Give a file the attestations of a provenance object (PEP 740); unlike the index, whoever made them."""
        bundle = provenance["attestation_bundles"][0]
        self._change_files(
            project, filename, {"publisher": bundle["publisher"], "attestations": bundle["attestations"]}
        )

    def yank(self, project: str, filename: str = "", reason: bool | str = True) -> None:
        """Yank one file, or all of the project's."""
        self._change_files(project, filename, {"yanked": reason})

    def delete_file(self, project: str, filename: str) -> None:
        """Delete a file from the index; its name can never be used again."""
        store = IndexStore(self._context)
        with self._state.lock:
            document = store.project(project)
            document["files"] = [entry for entry in document["files"] if entry["filename"] != filename]
            document["deleted"] = [*document["deleted"], filename]
            self._state.write(store.project_file(project), document)
        store.file_path(project, filename).unlink(missing_ok=True)

    def set_project_status(self, project: str, status: str) -> None:
        """PEP 792 status of a project: active, archived, quarantined, deprecated."""
        store = IndexStore(self._context)
        with self._state.lock:
            self._state.write(store.project_file(project), {**store.project(project), "status": status})

    def add_check_run(self, commit: str, name: str, conclusion: str = "success") -> None:
        """Let a check by another app have ended for a commit (also a commit status of that name)."""
        checks = [
            *self._context.repository.get("checks", []),
            {"commit": commit, "name": name, "conclusion": conclusion},
        ]
        self._context.update_repository(checks=checks)

    def commit_to_main(self, path: str, text: str, message: str) -> str:
        """Another person's push of one file to the release branch; answers the commit."""
        return move_main(self._context, {"path": path, "text": text, "message": message})
