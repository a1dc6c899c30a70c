"""What others wrote is data: settings are no format strings, and a line ends where its producer ends it."""

from __future__ import annotations

import json

import pytest

from tests.desk import Desk

SPY = "{version.__init__.__globals__[re].enum.sys.modules[os].environ[GH_TOKEN]}"


def set_up(desk: Desk, line: str) -> None:
    """Push a setting of the project, as somebody who may merge a change can."""
    text = (desk.checkout / "pyproject.toml").read_text()
    head = "[tool.lockgate]\n"
    desk.write("pyproject.toml", text.replace(head, f"{head}{line}\n") if head in text else f"{text}\n{head}{line}\n")
    desk.push("Change the settings")


@pytest.mark.parametrize(
    ("command", "key", "line"),
    [
        ("plan", "fixture", f"fixture = {json.dumps('releases/{version}-' + SPY + '.json')}"),
        ("release", "fixture", f"fixture = {json.dumps('releases/{version}-' + SPY + '.json')}"),
        ("plan", "tag-format", f"tag-format = {json.dumps('v{version}-' + SPY)}"),
        ("plan", "pre-release", f"pre-release = {json.dumps(['echo ' + SPY])}"),
        ("plan", "dispatch-inputs", f"dispatch-inputs = {{ what = {json.dumps(SPY)} }}"),
        ("plan", "dispatch-inputs", 'dispatch-inputs = { what = "{version!r:>9999999}" }'),
        ("plan", "pre-release", 'pre-release = ["echo {tag.__class__}"]'),
    ],
)
def test_a_setting_is_no_format_string(desk: Desk, command: str, key: str, line: str) -> None:
    desk.environ["GH_TOKEN"] = desk.world.token
    set_up(desk, line)
    before = desk.seen()
    ended = desk.run(command, "minor", *(["--yes"] if command == "release" else []))
    assert ended.code == 2, ended.out + ended.err
    assert key in ended.out + ended.err
    assert "{version}" in ended.out + ended.err
    assert desk.world.token not in ended.out + ended.err
    assert desk.seen() == before


@pytest.mark.parametrize("separator", ["\u2028", "\u0085"])
def test_a_branch_named_with_another_line_end_forges_no_ref(desk: Desk, separator: str) -> None:
    origin = desk.world.folder / "origin.git"
    head = desk.git("rev-parse", "HEAD").strip()
    plain = desk.run("plan", "minor", "--json").data
    forged = f"{head} refs/tags/v9.9.0".replace(" ", "\u00a0")
    for name in (f"a{separator}{head}", f"b{separator}refs/tags/v9.9.0", f"c{separator}{forged}"):
        desk.git("update-ref", f"refs/heads/{name}", head, at=origin)
    ended = desk.run("plan", "minor", "--json")
    assert ended.code == 0, ended.err
    assert ended.data["version"] == plain["version"] == "1.1.0"
