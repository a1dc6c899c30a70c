"""The publishing job's work: which files, from where, with which claims, and the log that the real action would write.

Sources: pypa/gh-action-pypi-publish (log texts), pypi/warehouse docs/user/trusted-publishers (claims and errors).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pypi_simple import PYPI_SIMPLE_ENDPOINT

from sandbox.context import Context
from sandbox.git_repository import git_environment
from sandbox.index_store import Claims, IndexStore, MintError, Upload, lateness_of
from sandbox.state import JSON
from sandbox.workflows import Workflow, environment_of, file_name, may_mint, options_of, steps_of

BUILD_TIMEOUT_SECONDS = 900
PUBLISH_ACTION = "pypa/gh-action-pypi-publish@"
PUBLISH_COMMAND = re.compile(r"\b(uv publish|twine upload|flit publish|poetry publish|hatch publish|pdm publish)\b")
BUILD_WORDS = re.compile(
    r"\b(?:python[\d.]* -m build|pyproject-build|(?:uv|hatch|flit|poetry|pdm) build|pip wheel|setup\.py sdist)\b"
    r"|(hynek/build-and-inspect-python-package|pypa/cibuildwheel)@"
)
COMPARE_WORDS = re.compile(r"\bsha256sum\b[^\n]{0,200}--check\b")
DOWNLOAD_WORDS = re.compile(
    r"\bgh release download\b|(robinraju/release-downloader|dsaltares/fetch-gh-release-asset|i3h/download-release-asset)@"
)
NAMED_INDEX = re.compile(r"(?:--repository-url|--repository|--publish-url|--index|-r)[ =]['\"]?([^\s'\"]+)")
DATE_WORDS = re.compile(r"\bSOURCE_DATE_EPOCH\b|hynek/build-and-inspect-python-package@")
KEPT_ENVIRONMENT = re.compile(r"PATH|HOME|LANG|TMPDIR|USER|XDG_.*|UV_.*|PIP_.*|SSL_.*|REQUESTS_.*|.*_PROXY|.*_proxy")


class JobFailedError(Exception):
    """A step of the job failed; the text is the last thing in its log."""


@dataclass(frozen=True)
class Publication:
    """What a publishing step works with: where it runs and what it publishes as."""

    context: Context
    workflow: Workflow
    run: JSON
    job: JSON


def _text(step: JSON) -> str:
    return f"{step.get('uses', '')}\n{step.get('run', '')}"


def is_publishing(step: JSON) -> bool:
    """Whether a step uploads to the package index."""
    return PUBLISH_ACTION in str(step.get("uses", "")) or PUBLISH_COMMAND.search(str(step.get("run", ""))) is not None


def is_building(step: JSON) -> bool:
    """Whether a step builds distributions."""
    return BUILD_WORDS.search(_text(step)) is not None


def is_downloading(step: JSON) -> bool:
    """Whether a step fetches the release's own assets."""
    return DOWNLOAD_WORDS.search(_text(step)) is not None


def is_comparing(step: JSON) -> bool:
    """Whether a step compares what was downloaded with digests."""
    return COMPARE_WORDS.search(str(step.get("run", ""))) is not None


def downloads_release(workflow: Workflow) -> bool:
    """Whether some step of the workflow fetches the release's own assets."""
    steps = [step for job in workflow.jobs.values() for step in steps_of(job)]
    return any(map(is_downloading, steps))


def distributions(publication: Publication, log: list[str]) -> list[Path]:
    """The files that the run publishes: the release's assets where the workflow fetches them, else a build of the tag."""
    if downloads_release(publication.workflow):
        return downloaded_files(publication.context, publication.run, log)
    return built_files(publication.context, publication.run, log)


def downloaded_files(context: Context, run: JSON, log: list[str]) -> list[Path]:
    """The release's files as a step of this run downloaded them; downloaded now where none did."""
    folder = _download_folder(context, run)
    return sorted(folder.iterdir()) if folder.is_dir() else download_release(context, run, log)


def download_release(context: Context, run: JSON, log: list[str]) -> list[Path]:
    """Download the assets of the run's release, drafts included, as `gh release download` finds them.

    The fault exchanged-asset puts other bytes into the release first, as whoever may write to it could.
    """
    tags = {run["head_branch"], *map(str, run["inputs"].values())}
    found = [release for release in context.state.all("github/releases") if release["tag_name"] in tags]
    if not found:
        log.append("release not found")
        raise JobFailedError("Process completed with exit code 1.")
    folder = _download_folder(context, run)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subject = f"download {run['head_branch']} {file_name(run['path'])}"
    exchanged = context.faults.take({"exchanged-asset"}, "github", subject) is not None
    for asset in found[-1]["assets"]:
        if asset["state"] == "uploaded" and asset["name"].endswith((".whl", ".tar.gz", ".zip")):
            source = context.state.folder / f"github/assets/{asset['id']}"
            content = source.read_bytes() + (b"\0" if exchanged else b"")
            source.write_bytes(content)
            (folder / asset["name"]).write_bytes(content)
    return sorted(folder.iterdir())


def compare_with_tag(context: Context, run: JSON, log: list[str]) -> None:
    """Compare the downloaded files with the digests in the tag's message; raises JobFailedError for other bytes or other files."""
    is_annotated = context.origin.object_type(run["ref"]) == "tag"
    message = context.origin.git("cat-file", "tag", run["ref"]) if is_annotated else ""
    lines = (line.split(" ") for line in message.split("\n") if line.startswith("sha256 "))
    told = {name: digest for _, digest, name in lines}
    files = downloaded_files(context, run, log)
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    log += [f"{name}: {'OK' if told.get(name) == digest else 'FAILED'}" for name, digest in found.items()]
    if found != told:
        raise JobFailedError("sha256sum: WARNING: computed checksums did NOT match")


def _download_folder(context: Context, run: JSON) -> Path:
    return context.state.folder / f"github/builds/{run['id']}/release"


def built_files(context: Context, run: JSON, log: list[str]) -> list[Path]:
    """Sdist and wheel built from a fresh full clone of the run's commit; a build that was finished before is kept."""
    target = context.state.folder / f"github/builds/{run['id']}/dist"
    if not target.is_dir():
        with tempfile.TemporaryDirectory(prefix="build-", dir=context.state.folder) as folder:
            source, out = Path(folder) / "source", Path(folder) / "dist"
            _clone(context, run, source)
            log += _build(source, out, _dates(context, run))
            target.parent.mkdir(parents=True, exist_ok=True)
            out.rename(target)
    return sorted(target.iterdir())


def _dates(context: Context, run: JSON) -> dict[str, str]:
    """SOURCE_DATE_EPOCH as the commit's time, where the workflow sets it."""
    text = context.origin.file_text(run["head_sha"], run["path"]) or ""
    if not DATE_WORDS.search(text):
        return {}
    return {"SOURCE_DATE_EPOCH": context.origin.git("log", "-1", "--format=%ct", run["head_sha"]).strip()}


def _clone(context: Context, run: JSON, source: Path) -> None:
    environment = git_environment(context.state.folder)
    clone = ["git", "clone", "--quiet", "--no-local", str(context.origin.path.absolute()), str(source)]
    switch = ["git", "-C", str(source), "checkout", "--quiet", "--detach", run["head_sha"]]
    for command in (clone, switch):
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=BUILD_TIMEOUT_SECONDS)


def _build(source: Path, out: Path, dates: dict[str, str]) -> list[str]:
    """Build as `python -m build` does, in an environment without the caller's release settings; answers the output."""
    kept = {name: value for name, value in os.environ.items() if KEPT_ENVIRONMENT.fullmatch(name)}
    environment = {**kept, **dates, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "CI": "true"}
    command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(out), str(source)]
    result = subprocess.run(
        [*_dies_with_parent(), *command], capture_output=True, encoding="utf-8", errors="replace", env=environment,
        timeout=BUILD_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (result.stdout + result.stderr).splitlines()]
    shown = [line.replace(str(source.parent), "/home/runner/work") for line in lines]
    if result.returncode != 0:
        raise JobFailedError("\n".join([*shown, "Process completed with exit code 1."]))
    return shown


def _dies_with_parent() -> list[str]:
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []


def _claims(publication: Publication) -> Claims:
    owner, repository = publication.context.slug.split("/")
    environment = environment_of(publication.job)
    path = publication.job.get("called-workflow", publication.workflow.path)
    return Claims(owner, repository, file_name(path), environment, publication.run["ref"])


def publish(publication: Publication, step: JSON, log: list[str]) -> None:
    """Upload the run's files to the index under the job's claims; raises JobFailedError with the log written so far."""
    context, run = publication.context, publication.run
    subject = f"publish {run['head_branch']} {file_name(publication.workflow.path)}"
    store = IndexStore(context)
    options = options_of(step)
    if _goes_elsewhere(context, step):
        log.append("The sandbox has no other index; this upload is not carried out.")
        return
    failed = context.faults.take({"failed-publish"}, "github", subject)
    if failed:
        raise JobFailedError(str(failed.options.get("text", "Process completed with exit code 1.")))
    if context.faults.take({"skipped-publish"}, "github", subject):
        log.append("Nothing was uploaded.")
        return
    files = distributions(publication, log)
    context.keep_going()
    if not files:
        raise JobFailedError(
            "It looks like there are no Python distribution packages to publish in the directory 'dist/'."
        )
    projects = _mint(publication, options, store, log)
    late = lateness_of(context.faults.take({"late"}, "index", subject))
    half = context.faults.take({"half-publish"}, "github", subject)
    other = context.faults.take({"other-bytes"}, "github", subject) is not None
    log += [f"Checking dist/{path.name}: PASSED" for path in files]
    log.append(f"Uploading distributions to {context.addresses['index']}/legacy/")
    for position, path in enumerate(files):
        if half and position > 0:
            raise JobFailedError(
                f"ERROR    HTTPError: 503 Service Unavailable from {context.addresses['index']}/legacy/"
            )
        content = _other_bytes(path) if other else path.read_bytes()
        _upload(publication, store, Upload(path.name, content, _claims(publication), projects, late), log)
    _view_lines(context, files, log)


def _goes_elsewhere(context: Context, step: JSON) -> bool:
    """Whether the step names another index than the one that the sandbox stands in for (a test index, a private one)."""
    options = options_of(step)
    commands = [line for line in str(step.get("run", "")).splitlines() if PUBLISH_COMMAND.search(line)]
    named = [str(options[key]) for key in ("repository-url", "repository_url") if options.get(key)]
    named += [found[1] for line in commands for found in NAMED_INDEX.finditer(line)]
    return any(name != "pypi" and urlsplit(name).netloc not in _own_hosts(context) for name in named)


def _own_hosts(context: Context) -> tuple[str, ...]:
    real = urlsplit(PYPI_SIMPLE_ENDPOINT).netloc
    return real, f"upload.{real}", urlsplit(context.addresses["index"]).netloc


def _mint(publication: Publication, options: JSON, store: IndexStore, log: list[str]) -> list[str]:
    """The projects that the run's identity may upload to, as the index's mint-token endpoint decides."""
    claims = _claims(publication)
    if options.get("password"):
        raise JobFailedError("ERROR    HTTPError: 403 Forbidden. Invalid or non-existent authentication information.")
    log.append("Attempting to perform trusted publishing exchange to retrieve a temporary short-lived API token")
    if not may_mint(publication.workflow, publication.job):
        raise JobFailedError(
            "Trusted publishing exchange failure: \nOpenID Connect token retrieval failed: GitHub: missing or insufficient "
            "OIDC token permissions, the ACTIONS_ID_TOKEN_REQUEST_TOKEN environment variable was unset"
        )
    try:
        return store.mint(claims)
    except MintError as error:
        slug = f"{claims.owner}/{claims.repository}"
        reference = f"{slug}/.github/workflows/{claims.workflow}@{claims.ref}"
        raise JobFailedError(
            "Trusted publishing exchange failure: \nToken request failed: the server refused the request for the following "
            f"reasons:\n\n* `{error.code}`: {error}\n\nThis generally indicates a trusted publisher configuration error, "
            "but could\nalso indicate an internal error on GitHub or PyPI's part.\n\n"
            "The claims rendered below are **for debugging purposes only**.\n\n"
            f"* `repository`: `{slug}`\n* `repository_owner`: `{claims.owner}`\n* `workflow_ref`: `{reference}`\n"
            f"* `job_workflow_ref`: `{reference}`\n* `ref`: `{claims.ref}`\n* `environment`: `{claims.environment or 'MISSING'}`"
        ) from error


def _upload(publication: Publication, store: IndexStore, upload: Upload, log: list[str]) -> None:
    endpoint = f"{publication.context.addresses['index']}/legacy/"
    log.append(f"Uploading {upload.filename}")
    log.append(f"INFO     dist/{upload.filename} ({len(upload.content) / 1024:.1f} KB)")
    verdict = store.upload(upload)
    log += [f"INFO     Response from {endpoint}:", f"         {verdict.status} {verdict.reason}"]
    if verdict.status != 200:
        words = {400: "Bad Request", 403: "Forbidden"}
        raise JobFailedError(
            f"ERROR    HTTPError: {verdict.status} {words.get(verdict.status, '')} from {endpoint}\n         {verdict.reason}"
        )


def _other_bytes(path: Path) -> bytes:
    """The file with one byte more behind its end, which zip and gzip readers pass over."""
    return path.read_bytes() + b"\0"


def _view_lines(context: Context, files: list[Path], log: list[str]) -> None:
    names = sorted({tuple(path.name.removesuffix(".tar.gz").split("-")[:2]) for path in files})
    log.append("\nView at:")
    log += [f"{context.addresses['index']}/project/{name.replace('_', '-')}/{version}/" for name, version in names]
