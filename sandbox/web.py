"""The web server of the GitHub stand-in: git, REST, uploads, small pages, and the switches of the sandbox itself."""

from __future__ import annotations

import html

from sandbox.context import Context
from sandbox.faults import Fault
from sandbox.git_http import handle_git
from sandbox.github_api import handle_api
from sandbox.serving import Call, Reply, json_reply, text_reply


def handle_web(context: Context, call: Call) -> Reply:
    """Answer one request to the GitHub port by the part of the site it is for."""
    if call.path.startswith("/api/"):
        return handle_api(context, call)
    if ".git/" in call.path:
        return handle_git(context, call)
    if call.path.startswith("/_sandbox/"):
        return _handle_switches(context, call)
    if call.method == "GET" and call.path.startswith(f"/{context.slug}"):
        return _page(context, call)
    context.state.record_problem(f"GitHub's web server knows no {call.method} {call.path}")
    return text_reply("Not Found", 404)


def _handle_switches(context: Context, call: Call) -> Reply:
    """Faults of a sandbox in another process: POST arms one, DELETE clears, GET shows; 400 for what is no fault."""
    if call.path == "/_sandbox/problems" and call.method == "GET":
        return json_reply(context.state.problems())
    if call.path == "/_sandbox/journal" and call.method == "GET":
        return json_reply(context.state.journal())
    if call.path != "/_sandbox/faults":
        return text_reply("Not Found", 404)
    if call.method == "POST":
        try:
            context.faults.add(Fault(**call.json()))
        except (TypeError, ValueError) as error:
            return json_reply({"message": str(error)}, 400)
        return json_reply({}, 201)
    if call.method == "DELETE":
        context.faults.clear()
        return Reply(204)
    armed = [fault.__dict__ for fault in context.faults.armed]
    return json_reply({"armed": armed, "seen": context.faults.seen})


def _page(context: Context, call: Call) -> Reply:
    """A page for a person who follows an html_url in the sandbox."""
    lines = [f"release {r['tag_name']}{' (draft)' if r['draft'] else ''}" for r in context.state.all("github/releases")]
    lines += [
        f"run {r['id']} of {r['path']} for {r['head_branch']}: {r['status']} {r['conclusion'] or ''}"
        for r in context.state.all("github/runs")
    ]
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    title = html.escape(f"{call.path} (Lockgate sandbox, nothing here is public)")
    return text_reply(f"<title>{title}</title><h1>{title}</h1><ul>{items}</ul>", kind="text/html")
