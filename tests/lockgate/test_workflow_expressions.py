from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.workflow_expressions import UNKNOWN, asks_for_status, evaluate, evaluate_condition, render

VALUES = {
    "github.ref": "refs/tags/v1.2.3",
    "github.event_name": "push",
    "github.event.action": None,
    "github.repository": "Octo/Sample",
    "count": 3.0,
    "success()": True,
    "always()": True,
    "failure()": False,
    "cancelled()": False,
}


def look_up(path):
    return VALUES.get(".".join(path), UNKNOWN)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.ref == 'refs/tags/v1.2.3'", True),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push'", False),
        ("github['event_name'] == 'push'", True),
        ("GitHub.Event_Name == 'push'", True),
        ("startsWith(github.ref, 'refs/tags')", True),
        ("StartsWith(github.ref, 'refs/heads')", False),
        ("endsWith(github.ref, '3')", True),
        ("contains(github.ref, 'TAGS')", True),
        ('contains(fromJSON(\'["push", "release"]\'), github.event_name)', True),
        ("contains(fromJSON('[\"release\"]'), github.event_name)", False),
        ("!startsWith(github.ref, 'refs/tags/')", False),
        ("!!github.ref", True),
        ("github.event.action == null", True),
        ("github.event.action == ''", True),
        ("count == 3 && count > 2 && count <= 0x3", True),
        ("true == 1", True),
        ("'true' == true", False),
        ("'it''s' == 'it''s'", True),
        ("github.event_name == 'release' || github.ref == 'refs/tags/v1.2.3'", True),
        ("(github.event_name == 'release' || true) && false", False),
        ("github.event_name == 'push' && 'pypi' || 'other'", True),
        ("success() && !cancelled()", True),
        ("always()", True),
        ("failure() || cancelled()", False),
        ("vars.PUBLISH == 'yes'", UNKNOWN),
        ("vars.PUBLISH == 'yes' && github.event_name == 'release'", False),
        ("github.event_name == 'release' && vars.PUBLISH == 'yes'", False),
        ("vars.PUBLISH || github.event_name == 'push'", True),
        ("vars.PUBLISH && github.event_name == 'push'", UNKNOWN),
        ("!vars.PUBLISH", UNKNOWN),
        ("contains(vars.LIST, 'x')", UNKNOWN),
        ("hashFiles('**/lock') != ''", UNKNOWN),
        ("${{ github.event_name == 'push' }}", True),
        ("${{ github.event_name == 'release' }}", False),
        ("${{ github.event_name == 'release' }} && false", True),
        ("${{ github.event_name == 'release' }}\n", True),
        ("github.event_name == 'release'\n", False),
        ("github.event_name = 'push'", UNKNOWN),
        ("((", UNKNOWN),
        ("", UNKNOWN),
        ("(" * 200 + "true" + ")" * 200, UNKNOWN),
    ],
)
def test_conditions_are_true_false_or_unknown(text, value):
    assert evaluate_condition(text, look_up).value is value


def test_unknown_names_are_reported_only_when_they_matter():
    assert evaluate("vars.A == '1' && needs.b.outputs.c", look_up).unknown == ("vars.A", "needs.b.outputs.c")
    assert evaluate("vars.A == '1' && false", look_up).unknown == ()
    assert evaluate("hashFiles('x') == ''", look_up).unknown == ("hashFiles()",)


def test_texts_are_filled_in_unless_a_part_is_unknown():
    assert render("Publish ${{ github.repository }}", look_up).value == "Publish Octo/Sample"
    assert render("${{ github.event_name == 'push' && 'pypi' || 'testpypi' }}", look_up).value == "pypi"
    assert render("${{ matrix.target }}", look_up).value is UNKNOWN
    assert render("${{ matrix.target }}", look_up).unknown == ("matrix.target",)


@pytest.mark.parametrize(
    ("text", "asks"), [("always()", True), ("!failure ()", True), ("github.ref", False), ("myalways", False)]
)
def test_status_functions_are_noticed(text, asks):
    assert asks_for_status(text) is asks


@given(st.text(alphabet="ab.'()[]!&|=<> 01,", max_size=40))
def test_no_text_is_an_error(text):
    assert evaluate_condition(text, look_up).value in {True, False, UNKNOWN}
