"""Step 2: migrations since the last release, as a person reads and approves them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockgate.errors import RefusedError
from tests.acts import attempt, configure
from tests.stages import Stage

Make = Callable[[str], Stage]
FOLDER = "src/lockgate_sample/migrations"


def migrate(stage: Stage, name: str, after: str = "", replaces: tuple[str, ...] = ()) -> None:
    """Push a migration."""
    needs = [("lockgate_sample", after)] if after else []
    squashed = f"    replaces = {[('lockgate_sample', one) for one in replaces]}\n" if replaces else ""
    text = f"class Migration:\n    dependencies = {needs}\n{squashed}    operations = []\n"
    stage.sandbox.commit_to_main(f"{FOLDER}/{name}.py", text, f"Migrate {name}")


def test_no_change_is_recorded_and_nobody_is_asked(at: Make) -> None:
    result = attempt(at("version"), "migrations")
    assert (result.outcome, result.question) == ("not needed", None)
    assert "No migration changed since the last release" in result.details


def test_always_asks_without_a_change_too(at: Make) -> None:
    stage = at("version")
    configure(stage, 'checkpoints = { migrations = "always" }')
    question = attempt(stage, "migrations").question
    assert question is not None
    assert "No migration changed" in question.brief


def test_what_changed_is_in_the_brief(at: Make) -> None:
    stage = at("version")
    configure(stage, "migrations-chain = 2")
    migrate(stage, "0001_initial")
    migrate(stage, "0002_days", "0001_initial")
    migrate(stage, "0003_weeks", "0002_days")
    migrate(stage, "0003_months", "0002_days")
    migrate(stage, "0001_squashed", "", ("0001_initial", "0002_days"))
    question = attempt(stage, "migrations").question
    assert question is not None
    assert f"- added `{FOLDER}/0001_squashed.py`, squashes `0001_initial`, `0002_days`" in question.brief
    assert "- **conflict**: `0003_months`, `0003_weeks` are all last" in question.brief
    assert question.evidence["commit"] == stage.git("rev-parse", "main")


def test_a_long_chain_is_told(at: Make) -> None:
    stage = at("version")
    configure(stage, "migrations-chain = 2")
    for number, before in ((1, ""), (2, "0001"), (3, "0002")):
        migrate(stage, f"000{number}", before)
    assert "- 3 migrations in a row, `0001` to `0003`" in attempt(stage, "migrations").details


def test_the_check_commands_output_is_shown(at: Make) -> None:
    stage = at("version")
    configure(stage, """migrations-check = ["python", "-c", "print('No changes detected')"]""")
    assert "No changes detected" in attempt(stage, "migrations").details


def test_a_check_command_that_fails_refuses_with_its_output(at: Make) -> None:
    stage = at("version")
    configure(stage, """migrations-check = ["python", "-c", "raise SystemExit('would make 0004')"]""")
    with pytest.raises(RefusedError, match=r"(?s)exit code 1.*would make 0004"):
        attempt(stage, "migrations")
