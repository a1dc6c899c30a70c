"""The package index as it shows itself to installers: projects, files, digests and publishers.

Only looks; nothing here uploads. A project is absent only on a real 404 of an index that is there; whatever is
unclear is an error, so that a version is never taken for free because somebody did not answer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from packaging.utils import canonicalize_name
from packaging.version import Version

from clients.hosts import check_named
from clients.http import ANSWER_BYTES, client, read_json, send, translate, unexpected
from clients.http import download as stream
from lockgate import documents
from lockgate.errors import Problem, RefusedError, SettingsError, UnavailableError
from lockgate.publication import IndexFile, IndexProject, Publisher

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage, ProjectPage

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{SIMPLE_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
FRESH = {"Cache-Control": "no-cache", "Pragma": "no-cache"}  # an old page would call a taken version free
MAX_REDIRECTS = 3
MAX_FILE_BYTES = 2 * 1024**3


def index_url(setting: str, environ: Mapping[str, str]) -> str:
    """The Simple API's address with a trailing slash: LOCKGATE_INDEX_URL (a sandbox sets it), else the setting, else PyPI's.

    Raises SettingsError for what is no http(s) address, and for one that carries a user name or password.
    """
    chosen = environ.get("LOCKGATE_INDEX_URL") or setting
    if not chosen:
        # Imported where it is needed: it costs 0.6 s, and a command that only prints help must not pay for it.
        from pypi_simple import PYPI_SIMPLE_ENDPOINT

        chosen = PYPI_SIMPLE_ENDPOINT
    return _checked_address(chosen)


def observe_project(index: str, name: str) -> IndexProject | None:
    """The project as installers see it (PEP 503, 691, 700, 792); None only when the index says 404.

    `index` is what `index_url` gave. Raises UnavailableError when the index cannot be reached or answers with something
    else than a project page, RefusedError when it redirects elsewhere, shows another project or is not there at all.
    """
    normalized = canonicalize_name(name)
    what = f"looking for {normalized} on the index"
    with client(headers={"Accept": ACCEPT, **FRESH}) as http:
        response = _get(http, f"{index}{normalized}/", what)
        if response.status_code == httpx.codes.NOT_FOUND:
            _check_root(http, index, what)
            return None
        _check_ok(response, what)
    return _project(_parse(response, normalized, what), response, normalized, what)


def observe_release(index: str, name: str, version: Version | str) -> tuple[IndexFile, ...] | None:
    """The files on the index's own page of one version, which is up to date first (docs: PyPI's JSON API).

    None when there is no such page: the version is not there, or the index has no such API. Raises as
    `observe_project` does.
    """
    if not _is_pypi_like(index):
        return None
    what = f"looking for {name} {version} on the index"
    with client(headers={"Accept": "application/json", **FRESH}) as http:
        response = _get(http, f"{_root(index)}pypi/{canonicalize_name(name)}/{version}/json", what)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        _check_ok(response, what)
    try:
        return tuple(_json_api_file(entry, str(response.url)) for entry in read_json(response, what)["urls"])
    except (KeyError, TypeError) as error:
        raise unexpected(response, what, "a list of files under `urls`") from error


def read_provenance(file: IndexFile) -> str | None:
    """The file's provenance object as JSON text (PEP 740); None when the index names none or has none."""
    if file.provenance is None:
        return None
    what = f"reading the provenance of {file.name}"
    with client(headers={"Accept": "application/json", **FRESH}) as http:
        response = _get(http, check_named(file.provenance, file.page, what), what)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        _check_ok(response, what)
    if not isinstance(read_json(response, what), dict):
        raise unexpected(response, what, "a provenance object")
    return response.text


def read_publisher(file: IndexFile) -> Publisher | None:
    """The Trusted Publisher that the index recorded when it took the file; None when it recorded none.

    The index's word only: the attestations are what can be proved. Raises UnavailableError for an unreadable object.
    """
    text = read_provenance(file)
    return publisher_of(text, file.name) if text else None


def publisher_of(provenance: str, name: str) -> Publisher | None:
    """The publisher that a provenance object names, of any kind; None when it names none.

    Read by hand, since libraries refuse the whole object for a kind of publisher that they do not know.
    """
    try:
        bundles = documents.read_json(provenance, ANSWER_BYTES)["attestation_bundles"]
        return _publisher(bundles[0]["publisher"]) if bundles else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(
            Problem(
                f"The provenance of {name} cannot be read: {type(error).__name__}: {error}",
                "attestation bundles with a publisher, as PEP 740 describes them",
                "look again; if it stays, compare the publisher on the index's page of the project by hand",
            )
        ) from error


def download(file: IndexFile, destination: Path) -> Path:
    """Write the file to `destination`, which appears only when its bytes have the sha256 that the index lists.

    Raises RefusedError when they have not or the index lists none, UnavailableError when it does not answer.
    """
    what = f"downloading {file.name} from the index"
    part = destination.with_name(f".{destination.name}.unproved")
    try:
        with client(headers=FRESH) as http:
            got = stream(http, check_named(file.url, file.page, what), part, what=what, limit_bytes=MAX_FILE_BYTES)
        if got is None or got.sha256 != file.sha256:
            raise RefusedError(
                Problem(
                    f"{file.name} came from the index with sha256 {got.sha256 if got else 'unknown'}",
                    f"the sha256 that the index lists: {file.sha256 or 'it lists none'}",
                    "do not use this file; download it by hand and report it to the index when it stays so",
                )
            )
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
    return destination


def fill_digest(file: IndexFile) -> IndexFile:
    """The file with sha256 and size taken from its bytes, for an index that lists no digests; else unchanged."""
    if file.sha256:
        return file
    what = f"reading {file.name} from the index"
    with tempfile.TemporaryDirectory(prefix="lockgate-") as folder, client(headers=FRESH) as http:
        got = stream(
            http, check_named(file.url, file.page, what), Path(folder) / "file", what=what, limit_bytes=MAX_FILE_BYTES
        )
    return replace(file, sha256=got.sha256, size=got.size) if got else file


def project_page_url(index: str, name: str, version: Version | str) -> str:
    """The page that shows this version to people; for an index not laid out like PyPI, its page of the project."""
    normalized = canonicalize_name(name)
    return f"{_root(index)}project/{normalized}/{version}/" if _is_pypi_like(index) else f"{index}{normalized}/"


def yank_page_url(index: str, name: str, version: Version | str) -> str:
    """The page on which an owner yanks this version; for an index not laid out like PyPI, its page of the project."""
    normalized = canonicalize_name(name)
    page = f"{_root(index)}manage/project/{normalized}/release/{version}/"
    return page if _is_pypi_like(index) else project_page_url(index, name, version)


def _checked_address(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise _unusable(repr(text)) from error
    if url.userinfo:
        # Not quoted: what stands there is a password or a token.
        raise _unusable("it carries a user name or password")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise _unusable(repr(text))
    return text.rstrip("/") + "/"


def _unusable(found: str) -> SettingsError:
    return SettingsError(
        Problem(
            f"The index's address cannot be used: {found}",
            "the http(s) address of a Simple API (PEP 503), without credentials and query",
            "correct `index` in [tool.lockgate] or LOCKGATE_INDEX_URL",
        )
    )


def _is_pypi_like(index: str) -> bool:
    return httpx.URL(index).path == "/simple/"


def _root(index: str) -> str:
    return index.removesuffix("simple/")


def _get(http: httpx.Client, url: str, what: str) -> httpx.Response:
    """One answer; redirects are followed by hand, and only on the same scheme, host and port (PEP 503: names)."""
    response = send(http, "GET", url, what=what)
    for _ in range(MAX_REDIRECTS):
        if not response.has_redirect_location:
            return response
        target = _target(response)
        if target is None or _origin(target) != _origin(response.url):
            break
        response = send(http, "GET", str(target), what=what)
    # What is left over is an answer, or a redirect that `_check_ok` turns into a refusal.
    return response


def _target(response: httpx.Response) -> httpx.URL | None:
    try:
        return response.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _check_ok(response: httpx.Response, what: str) -> None:
    if response.status_code != httpx.codes.OK:
        translate(response, what)


def _check_root(http: httpx.Client, index: str, what: str) -> None:
    """A 404 counts only from an index that is there: a mistyped address answers 404 for every project too."""
    if send(http, "HEAD", index, what=what).status_code == httpx.codes.NOT_FOUND:
        raise RefusedError(
            Problem(
                f"While {what}, {index} itself answered 404",
                "an index at this address: otherwise every version would look free",
                "correct `index` in [tool.lockgate] or LOCKGATE_INDEX_URL",
            )
        )


def _parse(response: httpx.Response, name: str, what: str) -> ProjectPage:
    # Imported where it is needed: see index_url.
    from pydantic import ValidationError
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind.endswith("json"):
            return ProjectPage.from_json_data(read_json(response, what), base_url=str(response.url))
        documents.check_html(response.text)
        page = ProjectPage.from_html(name, response.text, base_url=str(response.url))
    except UnsupportedRepoVersionError as error:
        raise _refused_page(response, what, str(error)) from error
    except (ValidationError, ValueError, TypeError) as error:
        raise unexpected(response, what, "a project page as PEP 691 describes it") from error
    if not any(package.version for package in page.packages):
        # A proxy's or login page is HTML without files too, and would make every version look free.
        raise unexpected(response, what, "a project page that lists files")
    return page


def _refused_page(response: httpx.Response, what: str, seen: str) -> RefusedError:
    return RefusedError(
        Problem(
            f"While {what}, {response.url} gave a page that cannot be used: {seen}",
            "a page of this very project in a version of the Simple API that is known",
            "check the index's address; update Lockgate's dependencies when the index speaks a newer version",
        )
    )


def _project(page: ProjectPage, response: httpx.Response, name: str, what: str) -> IndexProject:
    if canonicalize_name(page.project) != name:
        raise _refused_page(response, what, f"it is of the project {page.project!r}")
    files = tuple(_file(package, str(response.url)) for package in page.packages)
    declared = (_version(text) for text in page.versions or ())
    versions = {version for version in (*declared, *(file.version for file in files)) if version is not None}
    status = str(page.status) if page.status else "active"
    return IndexProject(name, tuple(sorted(versions)), files, status, str(response.url))


def _file(package: DistributionPackage, page: str) -> IndexFile:
    return IndexFile(
        name=package.filename,
        sha256=package.digests.get("sha256", "").lower(),
        size=package.size,
        url=package.url,
        yanked=package.is_yanked,
        provenance=package.provenance_url,
        uploaded=package.upload_time.isoformat() if package.upload_time else None,
        page=page,
    )


def _json_api_file(entry: Mapping[str, Any], page: str) -> IndexFile:
    return IndexFile(
        name=entry["filename"],
        sha256=entry["digests"].get("sha256", "").lower(),
        size=entry.get("size"),
        url=entry["url"],
        yanked=bool(entry.get("yanked")),
        uploaded=entry.get("upload_time_iso_8601"),
        page=page,
    )


def _publisher(found: Mapping[str, Any]) -> Publisher:
    workflow = found.get("workflow") or found.get("workflow_filepath") or ""
    return Publisher(
        str(found["kind"]), str(found.get("repository") or ""), str(workflow), str(found.get("environment") or "")
    )


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
