"""What the project's own code can reach, leave behind and keep alive: it tries, from every place where it runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.project_code import means
from lockgate.errors import RefusedError
from planning import record
from tests.acts import attempt, configure
from tests.desk import Desk
from tests.stages import ORDER, Stage

Make = Callable[[str], Stage]
MARKER = "marker-of-a-secret-5b1c"
needs_bubblewrap = pytest.mark.skipif(not means().bubblewrap, reason=means().why_not)
SECRETS = {
    "PGPASSWORD": MARKER, "DATABASE_URL": f"postgres://ada:{MARKER}@db.example/app", "AWS_SECRET_ACCESS_KEY": MARKER,
    "FTP_PROXY": f"http://ada:{MARKER}@127.0.0.1:9", "PIP_INDEX_URL": f"https://ada:{MARKER}@pip.example/simple",
}  # fmt: skip
# Looks at everything that a process can look at, and fails where it finds the marker or reaches the agent.
SPY = '''"""Looks for secrets."""
import os, pathlib, socket, sys

MARKER = "".join(["PART-ONE", "PART-TWO"])  # in one piece it would find itself
PLACES, AGENT, EVERYTHING = PLACES_HERE, "AGENT_HERE", EVERYTHING_HERE


def look(where):
    found = [f"variable {name}" for name, value in os.environ.items() if MARKER in value]
    files = list(pathlib.Path("/proc").glob("[1-9]*/environ")) + list(pathlib.Path("/proc").glob("[1-9]*/cmdline"))
    if EVERYTHING:
        files += [pathlib.Path(parent, name) for place in PLACES for parent, _, names in os.walk(place) for name in names]
        for file in files:
            try:
                if MARKER.encode() in file.read_bytes():
                    found.append(str(file))
            except OSError:
                pass
        agent = socket.socket(socket.AF_UNIX)
        try:
            agent.connect(AGENT)
            found.append("the agent")
        except OSError:
            pass
    if found:
        raise SystemExit(f"SPY in {where} found {found}")
    print(f"SPY in {where} found nothing", flush=True)


if __name__ == "__main__":
    look(sys.argv[1])
'''
HOOK = """import importlib.util
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
class Spy(BuildHookInterface):
    PLUGIN_NAME = "custom"
    def initialize(self, version, build_data):
        spec = importlib.util.spec_from_file_location("spy", "src/lockgate_sample/spy.py")
        spy = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(spy)
        spy.look("the build")
"""
SETTINGS = """
[tool.hatch.build.hooks.custom]

[tool.lockgate]
pre-release = ["python src/lockgate_sample/spy.py commands"]
migrations-check = "python src/lockgate_sample/spy.py migrations"
test-command = "python src/lockgate_sample/spy.py tests"

[tool.lockgate.checkpoints]
publisher = "never"
"""


def plant(desk: Desk, agent: Path, *, everything: bool) -> None:
    """Push a project whose code looks for secrets wherever it runs: commands, check, build, import and tests."""
    spy = SPY.replace("PART-ONE", MARKER[:7]).replace("PART-TWO", MARKER[7:]).replace("AGENT_HERE", str(agent))
    # Of the home what holds secrets: the Python environments in it are shown on purpose, and are large.
    homes = [str(Path.home() / name) for name in (".ssh", ".config", ".gnupg", ".aws", ".docker", ".local/state")]
    places = [str(desk.checkout.parent), *homes, "/etc", "/run"]
    spy = spy.replace("PLACES_HERE", repr(places)).replace("EVERYTHING_HERE", repr(everything))
    desk.write("src/lockgate_sample/spy.py", spy)
    desk.write("src/lockgate_sample/__init__.py", "from lockgate_sample import spy\n\nspy.look('the trial')\n")
    desk.write("hatch_build.py", HOOK)
    desk.write("pyproject.toml", (desk.checkout / "pyproject.toml").read_text() + SETTINGS)
    desk.push("Look around")


def settings(desk: Desk, line: str) -> None:
    """Push one more setting of the project."""
    text = (desk.checkout / "pyproject.toml").read_text()
    before, _, after = text.partition("[tool.lockgate]\n")
    desk.write("pyproject.toml", f"{before}\n[tool.lockgate]\n{line}\n{after}")
    desk.push("Set")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An agent of the person: a socket that somebody listens at."""
    with socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path / "agent"
        listener.bind(str(path))
        listener.listen()
        yield path


@pytest.fixture
def spied(desk: Desk, agent: Path, tmp_path: Path) -> Desk:
    """A desk with a secret of every kind: in variables, in files of the home, in Lockgate's own folder, behind an agent."""
    desk.world._change_settings(token=MARKER)
    desk.environ |= {
        **SECRETS,
        "GH_TOKEN": MARKER,
        "GITHUB_TOKEN": MARKER,
        "SSH_AUTH_SOCK": str(agent),
    }
    for path in (tmp_path / "home" / "key", tmp_path / "gh" / "hosts.yml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MARKER)
    return desk


def release(desk: Desk) -> tuple[int, str]:
    ended = desk.run("release", "minor", "--yes", "--tested", "here")
    return ended.code, ended.out + ended.err


@pytest.mark.slow
@needs_bubblewrap
def test_no_secret_is_in_reach_where_bubblewrap_works(spied: Desk, agent: Path) -> None:
    plant(spied, agent, everything=True)
    plan = spied.run("plan", "minor")
    assert f"isolated by {means().bubblewrap}" in " ".join(plan.out.split())
    code, said = release(spied)
    assert code == 0, said
    assert MARKER not in said
    spied.git("fetch", "--quiet")
    fixture = json.loads(spied.git("show", "origin/main:releases/1.1.0.json"))
    assert fixture["isolation"] == means().bubblewrap


@pytest.mark.slow
def test_no_variable_with_a_secret_is_passed_where_nothing_keeps_the_code_apart(spied: Desk, agent: Path) -> None:
    plant(spied, agent, everything=False)
    spied.write(
        "pyproject.toml",
        (spied.checkout / "pyproject.toml")
        .read_text()
        .replace("[tool.lockgate]", '[tool.lockgate]\nisolation = "none"'),
    )
    spied.push("Apart from nothing")
    plan = " ".join(spied.run("plan", "minor").out.split())
    assert "the project's code runs with the rights of this account (isolation is none: the settings say so)" in plan
    code, said = release(spied)
    assert code == 0, said


@pytest.mark.slow
def test_the_spy_finds_what_it_is_shown(spied: Desk, agent: Path) -> None:
    """Without isolation, and with a variable that the settings pass on: so the other tests look at something."""
    plant(spied, agent, everything=False)
    settings(spied, 'test-environment = ["PGPASSWORD"]')
    code, said = release(spied)
    assert code == 1
    assert "SPY in migrations found" in said or "SPY in commands found" in said


@pytest.mark.parametrize(
    "name", ["GH_TOKEN", "LOCKGATE_HOME", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY", "PREFECT_API_AUTH_STRING"]
)
def test_settings_cannot_ask_for_what_lockgate_itself_holds(desk: Desk, name: str) -> None:
    settings(desk, f'test-environment = ["{name}"]')
    ended = desk.run("plan", "minor")
    assert ended.code == 2
    assert "test-environment is" in ended.out + ended.err


def without_bubblewrap(desk: Desk, folder: Path) -> None:
    """A bubblewrap that does not work comes first on the PATH."""
    folder.mkdir()
    (folder / "bwrap").write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2; exit 1\n")
    (folder / "bwrap").chmod(0o755)
    desk.environ["PATH"] = f"{folder}{os.pathsep}{desk.environ['PATH']}"


def test_isolation_that_is_required_and_cannot_be_had_is_refused_in_the_plan(desk: Desk, tmp_path: Path) -> None:
    """Also when the project's settings ask for less than the machine."""
    without_bubblewrap(desk, tmp_path / "bin")
    settings(desk, 'isolation = "none"')
    desk.environ["LOCKGATE_ISOLATION"] = "required"
    ended = desk.run("plan", "minor")
    assert ended.code == 1
    assert "isolation is 'required', and bubblewrap does not work here" in " ".join(ended.out.split())


# What it leaves behind.

IMPLANT = "implant-7d2e"
# A script of the project: `.git` is the clone that it runs in, HOME_HERE Lockgate's own folder.
POISON = """
import os, pathlib, subprocess, sys
IMPLANT = "implant" "-7d2e"
def poison(inner):
    def run(*words):
        return subprocess.run(("git", f"--git-dir={inner}", *words), capture_output=True, text=True).stdout.strip()
    def write(name, text):
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).write_text(text)
    write("info/attributes", "*.py filter=evil\\n")
    shows = f'"cat; echo \\\\"# {IMPLANT}\\\\""'
    write("evil", f'[filter "evil"]\\n\\tsmudge = {shows}\\n\\tclean = {shows}\\n')
    for name in ("post-checkout", "pre-commit", "post-commit", "pre-push", "reference-transaction"):
        write(f"hooks/{name}", "#!/bin/sh\\ntouch RAN_HERE\\n")
        (inner / "hooks" / name).chmod(0o755)
    for key, value in {"include.path": str(inner / "evil"), "http.proxy": "http://127.0.0.1:9", "core.fsmonitor": "touch RAN_HERE",
                       "core.sshCommand": "touch RAN_HERE", "core.autocrlf": "true",
                       "url.http://127.0.0.1:9/.insteadOf": "http://127.0.0.1"}.items():
        run("config", "--add", key, value)
    (inner / "implant").write_text('"' * 3 + IMPLANT + '"' * 3)
    blob = run("hash-object", "-w", str(inner / "implant"))
    for name in ("src/lockgate_sample/__init__.py", "src/lockgate_sample/days.py"):
        run("replace", "-f", run("rev-parse", f"HEAD:{name}"), blob)
    write("info/grafts", run("rev-parse", "HEAD") + "\\n")
    write("objects/info/alternates", "/elsewhere/objects\\n")
poison(pathlib.Path(".git").absolute())
for inner in pathlib.Path("HOME_HERE").glob("workspaces/*/.git"):
    poison(inner)
subprocess.run(["git", "config", "--global", "http.proxy", "http://127.0.0.1:9"])
pathlib.Path("RAN_HERE").unlink(missing_ok=True)  # by its own calls of git
"""


def sdist_of(stage: Stage) -> str:
    """Every text in the sdist that was built and kept."""
    (kept,) = [one for one in record.kept(stage.open()).artifacts if one.name.endswith(".tar.gz")]
    path = stage.folder / kept.name
    stage.open().store.fetch(kept.sha256, path)
    with tarfile.open(path) as archive:
        found = [archive.extractfile(member) for member in archive.getmembers() if member.isfile()]
        return "".join(file.read().decode(errors="replace") for file in found if file)


@pytest.mark.parametrize("isolation", [pytest.param("auto", marks=pytest.mark.slow), "none"])
def test_what_a_command_writes_for_git_reaches_no_build_and_no_push(at: Make, isolation: str, tmp_path: Path) -> None:
    """Into the repository that it runs in and, where nothing keeps it apart, into Lockgate's own."""
    stage = at("version")
    ran = tmp_path / "ran"
    poison = POISON.replace("HOME_HERE", str(stage.folder / "home")).replace("RAN_HERE", str(ran))
    stage.sandbox.commit_to_main("poison.py", poison, "Add a script")
    configure(stage, f'isolation = "{isolation}"\npre-release = ["python poison.py"]')
    stage.go_on(ORDER[:4])
    assert IMPLANT not in sdist_of(stage)
    assert not ran.exists()
    inner = stage.open().workspace / ".git"
    assert not {"hooks", "info", "evil", "implant"} & {one.name for one in inner.iterdir()}
    assert "127.0.0.1:9" not in (inner / "config").read_text()
    assert stage.git("log", "-1", "--format=%s", "main").startswith("Release ")


# What it keeps alive.

DAEMON = """import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "SECONDS_HERE"])
    os._exit(0)
subprocess.Popen(["sleep", "SECONDS_HERE"], start_new_session=True)
"""


def alive(command: str) -> list[str]:
    """The processes with this command line."""
    found = []
    for path in Path("/proc").glob("[1-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().replace(b"\0", b" ").strip().decode(errors="replace") == command:
                found.append(path.parent.name)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to another process than init")
@pytest.mark.parametrize(("setting", "key"), [("pre-release", "pre-release"), ("migrations-check", "migrations")])
@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_nothing_that_it_started_is_alive_after_it(at: Make, isolation: str, setting: str, key: str) -> None:
    stage = at("version")
    seconds = str(70000 + os.getpid() % 10000)
    words = json.dumps(["python", "-c", DAEMON.replace("SECONDS_HERE", seconds)])
    configure(stage, f'isolation = "{isolation}"\n{setting} = {f"[{words}]" if setting == "pre-release" else words}')
    stage.go_on(ORDER[: ORDER.index(key)])
    attempt(stage, key)
    assert alive(f"sleep {seconds}") == []


@needs_bubblewrap
@pytest.mark.parametrize("network", ["true", "false"])
def test_code_reaches_the_network_as_the_settings_say(at: Make, network: str) -> None:
    stage = at("version")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        call = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 5)"
        configure(stage, f"network = {network}\nmigrations-check = {json.dumps(['python', '-c', call])}")
        stage.go_on(ORDER[:1])
        if network == "true":
            attempt(stage, "migrations")
        else:
            with pytest.raises(RefusedError, match="ConnectionRefusedError"):
                attempt(stage, "migrations")


def test_a_command_cannot_smuggle_a_file_in_by_a_link(at: Make) -> None:
    """A link in the place of a release file would commit what it points to."""
    stage = at("version")
    (stage.folder / "secret").write_text(MARKER)
    link = f"import os; os.remove('CHANGELOG.md'); os.symlink({str(stage.folder / 'secret')!r}, 'CHANGELOG.md')"
    configure(stage, f'release-files = ["CHANGELOG.md"]\npre-release = [{json.dumps(["python", "-c", link])}]')
    stage.go_on(ORDER[:2])
    with pytest.raises(RefusedError, match="is a link to"):
        attempt(stage, "pre-release")
