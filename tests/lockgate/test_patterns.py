"""Texts of others that would take a backtracking expression hours are read at once; counted in steps, not by a clock."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some
from packaging.version import Version

from lockgate.documents import DocumentError, check_html, read_json, read_toml, read_yaml
from lockgate.patterns import LONGEST, Pattern, literal
from lockgate.ref_patterns import matches
from lockgate.versions import released_versions
from tests.desk import ROOT


@given(some.text("ab/*?", max_size=8), some.text("ab/", max_size=8))
def test_a_pattern_matches_as_its_regular_expression_does(pattern: str, name: str) -> None:
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|\*+|\?|.", pattern)
    expression = "".join(words.get(part) or ("[^/]*" if part.startswith("*") else part) for part in parts)
    assert matches(pattern, name) == (re.fullmatch(expression, name) is not None)


SLOW = {
    "a glob of migrations": "find_migrations(['a/' * 200 + 'b'], ['**/' * 40 + 'x', '*a' * 60])",
    "a ruleset's pattern": "matches('*a' * 100 + 'b', 'a' * 400)",
    "a workflow's tag pattern": "tag_matches(['**a' * 100 + 'b', 'a+' * 100 + 'b'], 'a' * 400)",
    "a job's name": "is_job('a' * 300, '${{ x }}a' * 60 + 'b')",
    "a ruleset's regular expression": "_found('(a+)+$', 'a' * 60 + 'b')",
    "another one": "_found('a*' * 40 + 'b', 'a' * 60)",
    "a heading": "changelog_section('# ' + ' ' * 20000 + 'x' + ' #' * 20000 + 'y', Version('1.0'))",
    "a line of a log": "upload_lines('https://x' + '/project/' * 5000 + ' ')",
    "a line with addresses": "upload_lines('a.' * 20000)",
    "a line with tokens": "upload_lines('eyJ' * 13000)",
    "jobs that need each other": (
        "job_decision(read_workflow('x.yml', 'on: push\\njobs:\\n' + ''.join(f'  j{n}: {{needs: ["
        "' + ', '.join(f'j{m}' for m in range(20) if m != n) + '], steps: []}\\n' for n in range(20))), 'j0', EVENT)"
    ),
    "a long chain of jobs": (
        "job_decision(read_workflow('x.yml', 'on: push\\njobs:\\n' + ''.join(f'  j{n}: {{needs: j{n + 1}, steps: []}}\\n'"
        " for n in range(3000))), 'j0', EVENT)"
    ),
}


NAMES = """
from packaging.version import Version
from lockgate.changelogs import changelog_section
from lockgate.environment import _found
from lockgate.migrations import find_migrations
from lockgate.publish_logs import upload_lines
from lockgate.ref_patterns import matches
from lockgate.runs import is_job
from lockgate.workflow_conditions import job_decision
from lockgate.workflow_events import Event
from lockgate.workflow_files import read_workflow
from lockgate.workflow_patterns import tag_matches
EVENT = Event("tag", "", "v1.0", "o/n", {})
"""


@pytest.mark.parametrize("what", SLOW)
def test_nobody_s_text_takes_for_ever(what: str) -> None:
    # Seconds of processor, which a busy machine does not count: the old expressions took minutes, or longer than the sun.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (20, 20))"
    done = subprocess.run(
        [sys.executable, "-c", f"{limit}\n{NAMES}\n{SLOW[what]}"], cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "read", [lambda: read_json("[" * 100_000), lambda: read_toml("a = " + "[" * 100_000), lambda: read_yaml("[" * 5000)]
)
def test_a_deep_document_is_refused(read: object) -> None:
    with pytest.raises(DocumentError, match="deep"):
        read()  # type: ignore[operator]


def test_a_key_of_too_many_parts_is_refused() -> None:
    with pytest.raises(DocumentError, match="dots"):
        read_toml("a" + ".a" * 50_000 + " = 1\n")


@pytest.mark.parametrize("text", ["<A href=x>" * 11, "<p>" * 200_001])
def test_a_page_that_takes_long_to_read_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        check_html(text)
    check_html("<a href=x>x</a><br/>" * 60_000 + "<abbr>" * 100)


def test_aliases_are_counted_each_time() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(DocumentError, match="aliases"):
        read_yaml(bomb)
    with pytest.raises(DocumentError, match="recursive"):
        read_yaml("&a [*a]")
    assert read_yaml("a: &a [x]\nb: *a") == {"a": ["x"], "b": ["x"]}


def test_what_is_too_long_is_not_read() -> None:
    with pytest.raises(DocumentError, match="at most"):
        read_yaml("a" * 300_000)
    with pytest.raises(DocumentError):
        read_json('{"a": ' + "1" * 5000 + "}")


def test_a_pattern_of_very_many_pieces_matches_nothing() -> None:
    assert not Pattern([literal("a")] * (LONGEST + 1)).matches("a" * (LONGEST + 1))


def test_a_tag_of_five_thousand_digits_is_no_version() -> None:
    assert released_versions(["v" + "1" * 5000, "v1.0"], "v{version}") == {Version("1.0"): "v1.0"}
