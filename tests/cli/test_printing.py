"""What a person reads of a plan."""

from __future__ import annotations

from cli.console import TextConsole
from cli.printing import print_plan
from lockgate.plan import Finding, Plan
from lockgate.steps import STEPS

SETTINGS = (
    ("branch", "main", "origin's HEAD"), ("publish-timeout", "3600 s (1 h)", "default"), ("approvers", "", "default"),
    ("freeze", "", "default"),
)  # fmt: skip


def test_every_setting_is_told_and_what_nobody_set_takes_two_lines() -> None:
    console = TextConsole(width=200, record=True)
    findings = tuple(Finding(one.key, "something") for one in STEPS)
    print_plan(console, Plan("demo", "1.0", "", "v1.0", "example/demo", "main", "0" * 40, SETTINGS, findings))
    text = console.export_text()
    assert [line.split() for line in text.splitlines() if line.startswith(" branch")] == [
        ["branch", "│", "main", "│", "origin's", "HEAD"]
    ]
    assert "Left to their defaults: publish-timeout = 3600 s (1 h).\nNot set: approvers, freeze." in text
