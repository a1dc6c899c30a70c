"""The index over HTTP: Simple API in JSON and HTML, the JSON API, provenance, files.

Sources: https://packaging.python.org/en/latest/specifications/simple-repository-api/, pypi/warehouse docs/user/api.
"""

from __future__ import annotations

import hashlib
import html
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from sandbox.context import Context
from sandbox.index_store import IndexStore
from sandbox.serving import Call, Reply, json_reply, text_reply
from sandbox.state import JSON

JSON_KIND = "application/vnd.pypi.simple.v1+json"
HTML_KIND = "application/vnd.pypi.simple.v1+html"
INTEGRITY_KIND = "application/vnd.pypi.integrity.v1+json"
API_VERSION = "1.4"


def handle_index(context: Context, call: Call) -> Reply:
    """Answer one request to the index; 404 for what it does not have."""
    parts = [unquote(part) for part in call.path.split("/")[1:]]
    if call.method not in ("GET", "HEAD"):
        context.state.record_problem(f"The index knows no {call.method} {call.path}")
        return text_reply("405 Method Not Allowed", 405)
    with context.state.lock:
        match parts:
            case ["simple", ""]:
                reply = _project_list(context, call)
            case ["simple", name] | ["simple", name, ""]:
                reply = _simple(context, call, name, slash=parts[-1] == "")
            case ["pypi", name, "json"]:
                reply = _json_api(context, name, None)
            case ["pypi", name, version, "json"]:
                reply = _json_api(context, name, version)
            case ["integrity", name, version, filename, "provenance"]:
                reply = _provenance(context, name, version, filename)
            case ["files", name, filename]:
                reply = _file(context, name, filename)
            case ["project", name, *_]:
                reply = _page(context, name)
            case _:
                context.state.record_problem(f"The index knows no {call.method} {call.path}")
                reply = text_reply("404 Not Found", 404)
    return _conditional(call, reply)


def _conditional(call: Call, reply: Reply) -> Reply:
    if reply.status != 200:
        return reply
    etag = f'"{hashlib.sha256(reply.body).hexdigest()[:32]}"'
    headers = {**reply.headers, "etag": etag, "vary": "Accept, Accept-Encoding"}
    if call.headers.get("if-none-match") == etag:
        return Reply(304, b"", headers)
    return Reply(200, reply.body, headers)


def _wants_json(call: Call) -> bool:
    """Whether JSON is what the Accept header prefers; HTML is the answer to anything unknown, never 406."""
    best, chosen = -1.0, HTML_KIND
    for item in call.headers.get("accept", "").split(","):
        kind, *parameters = [part.strip() for part in item.split(";")]
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        weight = float(weights[0]) if weights else 1.0
        known = kind in (JSON_KIND, "application/vnd.pypi.simple.latest+json", HTML_KIND, "text/html")
        if known and weight > best:
            best, chosen = weight, kind
    return chosen.endswith("json")


def _visible(store: IndexStore, name: str, page: str) -> tuple[JSON, list[JSON]]:
    """The project and the files that a look-up of a page shows; each look-up brings a late file nearer."""
    project = store.project(name)
    hidable = [entry for entry in project.get("files", []) if entry.get("late_only", "") in ("", page)]
    files = [entry for entry in project.get("files", []) if entry not in hidable or not _is_late(entry)]
    late = [entry for entry in hidable if entry.get("late_lookups", 0) > 0]
    for entry in late:
        entry["late_lookups"] -= 1
    if late:
        store.state.write(store.project_file(name), project)
    if project.get("status") == "quarantined":
        files = []
    return project, files


def _is_late(entry: JSON) -> bool:
    if entry.get("late_lookups", 0) > 0:
        return True
    uploaded = datetime.fromisoformat(entry["upload_time"])
    return datetime.now(UTC) < uploaded + timedelta(seconds=entry.get("late_seconds", 0))


def _project_list(context: Context, call: Call) -> Reply:
    names = [project["name"] for project in IndexStore(context).projects()]
    meta = {"_last-serial": 1000, "api-version": API_VERSION}
    if _wants_json(call):
        body = json_reply({"meta": meta, "projects": [{"name": name} for name in names]})
        return Reply(200, body.body, {"content-type": JSON_KIND})
    links = "".join(f'<a href="/simple/{canonicalize_name(name)}/">{html.escape(name)}</a><br>\n' for name in names)
    return text_reply(f"<!DOCTYPE html><html><body>{links}</body></html>", kind="text/html")


def _simple(context: Context, call: Call, name: str, *, slash: bool) -> Reply:
    if name != canonicalize_name(name) or not slash:
        return Reply(301, headers={"location": f"/simple/{canonicalize_name(name)}/"})
    store = IndexStore(context)
    if not store.project(name):
        return text_reply("404 Not Found", 404)
    project, files = _visible(store, name, "simple")
    serial = {"x-pypi-last-serial": str(project["serial"]), "cache-control": "max-age=600, public"}
    if _wants_json(call):
        body = _simple_json(context, project, files)
        return json_reply(body, headers={**serial, "content-type": JSON_KIND})
    page = text_reply(_simple_html(context, project, files), kind="text/html")
    return Reply(200, page.body, {**page.headers, **serial})


def _simple_json(context: Context, project: JSON, files: list[JSON]) -> JSON:
    status = {"status": project["status"]}
    versions = sorted({entry["version"] for entry in files}, key=Version)
    return {
        "alternate-locations": [],
        "files": [_simple_file(context, project, entry) for entry in files],
        "meta": {"_last-serial": project["serial"], "api-version": API_VERSION},
        "name": canonicalize_name(project["name"]),
        "project-status": status,
        "versions": versions,
    }


def _url(context: Context, project: JSON, entry: JSON) -> str:
    return f"{context.addresses['index']}/files/{canonicalize_name(project['name'])}/{quote(entry['filename'])}"


def _provenance_url(context: Context, project: JSON, entry: JSON) -> str | None:
    if not entry["publisher"]:
        return None
    name = canonicalize_name(project["name"])
    return f"{context.addresses['index']}/integrity/{name}/{entry['version']}/{quote(entry['filename'])}/provenance"


def _simple_file(context: Context, project: JSON, entry: JSON) -> JSON:
    metadata = {"sha256": entry["metadata_sha256"]} if entry["metadata_sha256"] else False
    return {
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "filename": entry["filename"],
        "hashes": {"sha256": entry["sha256"]},
        "provenance": _provenance_url(context, project, entry),
        "requires-python": entry["requires_python"],
        "size": entry["size"],
        "upload-time": entry["upload_time"],
        "url": _url(context, project, entry),
        "yanked": entry["yanked"],
    }


def _simple_html(context: Context, project: JSON, files: list[JSON]) -> str:
    lines = [_simple_link(context, project, entry) for entry in files]
    head = f'<meta name="pypi:repository-version" content="{API_VERSION}">'
    head += f'<meta name="pypi:project-status" content="{project["status"]}">'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{''.join(lines)}</body></html>\n"


def _simple_link(context: Context, project: JSON, entry: JSON) -> str:
    attributes = f'href="{_url(context, project, entry)}#sha256={entry["sha256"]}"'
    if entry["requires_python"]:
        attributes += f' data-requires-python="{html.escape(entry["requires_python"])}"'
    if entry["metadata_sha256"]:
        attributes += f' data-core-metadata="sha256={entry["metadata_sha256"]}"'
    if entry["yanked"] is not False:
        attributes += f' data-yanked="{html.escape(entry["yanked"] if isinstance(entry["yanked"], str) else "")}"'
    provenance = _provenance_url(context, project, entry)
    attributes += f' data-provenance="{provenance}"' if provenance else ""
    return f"<a {attributes}>{entry['filename']}</a><br />\n"


def _json_api(context: Context, name: str, version: str | None) -> Reply:
    store = IndexStore(context)
    if not store.project(name) or store.project(name)["status"] == "quarantined":
        return json_reply({"message": "Not Found"}, 404)
    project, files = _visible(store, name, "json")
    versions = sorted({entry["version"] for entry in files}, key=lambda v: (not Version(v).is_prerelease, Version(v)))
    wanted = [v for v in versions if version is None or canonicalize_version(v) == canonicalize_version(version)]
    if not wanted:
        return json_reply({"message": "Not Found"}, 404)
    shown = wanted[-1]
    releases = {v: [_json_file(context, project, e) for e in files if e["version"] == v] for v in versions}
    body = {"info": _info(context, project, files, shown), "last_serial": project["serial"], "urls": releases[shown]}
    body |= {"vulnerabilities": [], **({"releases": releases} if version is None else {})}
    return json_reply(body, headers={"cache-control": "max-age=900, public"})


def _info(context: Context, project: JSON, files: list[JSON], version: str) -> JSON:
    of_version = [entry for entry in files if entry["version"] == version]
    yanked = all(entry["yanked"] is not False for entry in of_version)
    reason = next((entry["yanked"] for entry in of_version if isinstance(entry["yanked"], str)), None)
    url = f"{context.addresses['index']}/project/{canonicalize_name(project['name'])}/"
    info = {"name": project["name"], "version": version, "summary": of_version[0]["summary"], "yanked": yanked}
    info |= {"yanked_reason": reason, "requires_python": of_version[0]["requires_python"], "package_url": url}
    return {**info, "project_url": url, "release_url": f"{url}{version}/"}


def _json_file(context: Context, project: JSON, entry: JSON) -> JSON:
    return {
        "digests": {"sha256": entry["sha256"], "blake2b_256": entry["blake2_256"]},
        "filename": entry["filename"],
        "packagetype": entry["packagetype"],
        "python_version": "source" if entry["packagetype"] == "sdist" else "py3",
        "requires_python": entry["requires_python"],
        "size": entry["size"],
        "upload_time": entry["upload_time"][:19],
        "upload_time_iso_8601": entry["upload_time"],
        "url": _url(context, project, entry),
        "yanked": entry["yanked"] is not False,
        "yanked_reason": entry["yanked"] if isinstance(entry["yanked"], str) else None,
    }


def _provenance(context: Context, name: str, version: str, filename: str) -> Reply:
    files = IndexStore(context).project(name).get("files", [])
    wanted = canonicalize_version(version)
    found = [e for e in files if e["filename"] == filename and canonicalize_version(e["version"]) == wanted]
    if not found or not found[0]["publisher"]:
        return json_reply({"message": f"No provenance available for {filename}"}, 404)
    bundle = {"publisher": found[0]["publisher"], "attestations": found[0].get("attestations", [])}
    return json_reply({"version": 1, "attestation_bundles": [bundle]}, headers={"content-type": INTEGRITY_KIND})


def _file(context: Context, name: str, filename: str) -> Reply:
    known = [entry["filename"] for entry in IndexStore(context).project(name).get("files", [])]
    path = IndexStore(context).file_path(name, filename)
    if filename.removesuffix(".metadata") not in known or not path.exists():
        return text_reply("404 Not Found", 404)
    return Reply(200, path.read_bytes(), {"content-type": "application/octet-stream"})


def _page(context: Context, name: str) -> Reply:
    project = IndexStore(context).project(name)
    if not project:
        return text_reply("404 Not Found", 404)
    items = "".join(f"<li>{html.escape(entry['filename'])}</li>" for entry in project["files"])
    return text_reply(f"<h1>{html.escape(project['name'])}</h1><ul>{items}</ul>", kind="text/html")
