"""No configured wait is longer than its step may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.settings import Settings
from lockgate.steps import step
from lockgate.time_limits import MARGIN_SECONDS, check_times
from lockgate.version_sources import VersionSource

SETTINGS = Settings("sample", "main", "v{version}", VersionSource("file", "VERSION", "", "a file"))
COMMANDS = {"migrations_check": ("check",), "pre_release": (("news",), ("docs",))}


def test_the_defaults_fit() -> None:
    assert check_times(replace(SETTINGS, **COMMANDS)) == ()


@pytest.mark.parametrize(
    ("key", "setting", "share"),
    [
        ("migrations", "pre_release_timeout", 1),
        ("pre-release", "pre_release_timeout", 0.5),
        ("tests", "test_timeout", 1),
        ("wait", "publish_timeout", 1),
        ("wait", "run_timeout", 0.5),
        ("record", "visibility_timeout", 1),
    ],
)
def test_a_wait_that_is_longer_than_its_step_is_a_problem(key: str, setting: str, share: float) -> None:
    most = (step(key).timeout - MARGIN_SECONDS) * share
    settings = replace(SETTINGS, **COMMANDS, run_timeout=0.0, publish_timeout=0.0)
    wanted = f"step {step(key).number} take up to"
    assert not [one for one in check_times(replace(settings, **{setting: most})) if wanted in one.seen]
    problems = check_times(replace(settings, **{setting: most + 1}))
    assert [one for one in problems if wanted in one.seen and setting.replace("_", "-") in one.seen]


def test_every_time_of_the_settings_is_held_against_a_step() -> None:
    """The checkpoint's own time is Prefect's to keep: a run that waits for a person is in no step."""
    times = {name for name in Settings.__dataclass_fields__ if name.endswith("_timeout")} - {"checkpoint_timeout"}
    for name in times:
        assert check_times(replace(SETTINGS, **COMMANDS, **{name: 1e9})), name
