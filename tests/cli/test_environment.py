"""What the environment of a command may hold: proxies, packages that break, a Secret block for the token."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from tests.operating import ROOT

NOBODY = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
EXCEPTIONS = ("no_proxy", "NO_PROXY")


def behind(proxy: str, environ: dict[str, str]) -> None:
    """Every request of this environment goes to a proxy."""
    for name in EXCEPTIONS:
        environ.pop(name, None)
    environ |= dict.fromkeys(PROXIES, proxy)


def test_a_proxy_gets_nothing_that_is_meant_for_this_machine(desk) -> None:
    """Git, GitHub's and the index's stand-ins are on loopback; the proxy would answer nothing."""
    behind(NOBODY, desk.environ)
    ended = desk.run("plan", "patch")
    assert ended.code == 0, ended.out


def test_a_proxy_that_cannot_be_used_is_told_and_not_tried(desk) -> None:
    behind("socks4://me:marker@127.0.0.1:9", desk.environ)
    for words in (("plan", "patch"), ("status",), ("init",)):
        ended = desk.run(*words)
        assert ended.code == 2
        assert "ALL_PROXY names a socks4 proxy, which cannot be used" in ended.out
        assert "marker" not in ended.out + ended.err


def install(folder: Path, package: str, version: str) -> str:
    """Make it look as if this version of a package were installed; the folder for PYTHONPATH."""
    metadata = folder / f"{package}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    return str(folder)


@pytest.mark.slow
def test_packages_that_break_the_server_are_told_before_it_is_started(desk, tmp_path: Path) -> None:
    desk.environ["PYTHONPATH"] = f"{install(tmp_path / 'bad', 'fastapi', '0.156.0')}:{ROOT}"
    before = desk.seen()
    for words in (("release", "patch", "--yes"), ("release", "--sandbox", "new"), ("up",)):
        ended = desk.run(*words)
        assert ended.code == 2
        assert "is installed with fastapi 0.156.0: with these Prefect's server does not start" in ended.out
        assert "install `fastapi<0.156`" in ended.out
    assert desk.seen() == before
    assert not (desk.checkout / "new").exists()
    assert not (tmp_path / "home").exists()
    assert desk.run("plan", "patch").code == 0


@pytest.mark.slow
def test_they_are_told_where_the_server_is_another_ones_too(desk_with_prefect, tmp_path: Path) -> None:
    desk = desk_with_prefect
    desk.environ["PYTHONPATH"] = f"{install(tmp_path / 'bad', 'sqlalchemy', '2.1.9')}:{ROOT}"
    ended = desk.run("status")
    assert ended.code == 0, ended.out
    assert "sqlalchemy 2.1.9: with these Prefect's server starts, and then starts no run" in ended.out


@pytest.mark.slow
def test_the_plan_reads_the_token_from_a_block_where_one_is_named(desk_with_prefect) -> None:
    desk = desk_with_prefect
    Secret(value=desk.environ.pop("GH_TOKEN")).save("plan-token", overwrite=True)
    assert desk.run("plan", "patch").code == 1
    desk.environ["LOCKGATE_TOKEN_BLOCK"] = "plan-token"
    ended = desk.run("plan", "patch")
    assert ended.code == 0, ended.out
    del desk.environ["PREFECT_API_URL"]
    ended = desk.run("plan", "patch")
    assert ended.code == 2
    assert "PREFECT_API_URL is not set, and no `lockgate up` runs" in ended.out


@pytest.mark.slow
def test_what_goes_wrong_is_json_too(desk) -> None:
    """The commands that have no report."""
    for words in (
        ("status",),
        ("approve",),
        ("abort",),
        ("audit",),
        ("logs",),
        ("notify", "a/b"),
        ("deploy",),
        ("unlock", "nowhere"),
    ):
        ended = desk.run(*words, "--json")
        assert (ended.code, ended.data["exit_code"]) == (2, 2)
        (problem,) = ended.data["problems"]
        assert problem["seen"] in ended.err
        assert problem.keys() == {"seen", "expected", "next"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_release_with_a_server_of_its_own_leaves_none(desk) -> None:
    """Without PREFECT_API_URL the command starts Prefect's server, and ends it."""
    ended = desk.run("release", "patch", "--yes", "--tested", "here", "--json", seconds=800)
    assert ended.code == 0, ended.err
    assert [one["key"] for one in ended.data["steps"]][-1] == "logs"
    assert "lockgate up --runs 0 shows the run at /runs/flow-run/" in ended.err
    home = desk.environ["PREFECT_HOME"]
    assert (Path(home) / "prefect.db").is_file()
    for one in Path("/proc").glob("[0-9]*/environ"):
        assert home not in _text(one) or "server" not in _text(one.with_name("cmdline"))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended meanwhile, or somebody else's
        return ""
