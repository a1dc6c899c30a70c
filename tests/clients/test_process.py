from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from clients.process import Completed, hide_memory, run
from lockgate.errors import RefusedError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pid: int) -> bool:
    return not alive(pid)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        threading.Event().wait(0.02)


def test_output_of_both_streams_is_merged_and_kept(tmp_path: Path) -> None:
    done = run(python("import sys; print('out', flush=True); print('err', file=sys.stderr)"), cwd=tmp_path, timeout=30)
    assert (done.returncode, done.output, done.timed_out, done.ok) == (0, "out\nerr\n", False, True)
    assert done.seconds > 0


@pytest.mark.parametrize(
    ("code", "returncode"),
    [("raise SystemExit(3)", 3), ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM)],
)
def test_exit_codes_and_signals_are_told(tmp_path: Path, code: str, returncode: int) -> None:
    done = run(python(code), cwd=tmp_path, timeout=30)
    assert (done.returncode, done.ok, done.timed_out) == (returncode, False, False)


def test_lines_arrive_while_the_command_runs(tmp_path: Path) -> None:
    """The command goes on only after its first line was handed over."""
    seen: list[str] = []

    def note(line: str) -> None:
        seen.append(line)
        (tmp_path / "go").touch()

    code = """
    import pathlib, time
    print("first ü", flush=True)
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    print("second", end="")
    """
    done = run(python(code), cwd=tmp_path, timeout=30, on_line=note)
    assert done.ok
    assert seen == ["first ü", "second"]


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))"), cwd=tmp_path, timeout=30).output == "''\n"


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    """A grandchild that holds the output open neither survives nor delays the answer."""
    code = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    time.sleep(600)
    """
    done = run(python(code), cwd=tmp_path, timeout=2)
    assert done.timed_out
    assert not done.ok
    wait_until(lambda: not alive(int(done.output)), "the grandchild's end")


def test_grandchild_left_behind_is_killed_at_the_end(tmp_path: Path) -> None:
    code = """
    import subprocess, sys
    print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    """
    done = run(python(code), cwd=tmp_path, timeout=60)
    assert done.ok
    wait_until(lambda: not alive(int(done.output)), "the grandchild's end")


LEAVERS = {
    "a session of its own": "subprocess.Popen(sleep, start_new_session=True)",
    "a daemon, forked twice": "os.fork() or (os.setsid(), os.fork() or os.execvp(sleep[0], sleep))",
    "a daemon that starts another one": "subprocess.Popen([sys.executable, '-c', again], start_new_session=True)",
    "a process that minds no signal": "subprocess.Popen(['sh', '-c', 'trap : TERM; sleep 601; true'], start_new_session=True)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to another process than init")
@pytest.mark.parametrize("leaver", LEAVERS)
def test_a_process_that_left_the_group_is_killed_too(tmp_path: Path, leaver: str) -> None:
    """Every process that the command ever started carries the variable of this test."""
    code = f"""
    import os, subprocess, sys, time
    sleep = ["sleep", "600"]
    again = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)"
    {LEAVERS[leaver]}
    time.sleep(0.2)
    """
    done = run(python(code), cwd=tmp_path, timeout=60, environment={"LEAVER": str(tmp_path)})
    assert done.ok
    assert of_variable(f"LEAVER={tmp_path}") == []


def of_variable(variable: str) -> list[int]:
    """The processes that have NAME=VALUE in their environment."""
    found = []
    for folder in Path("/proc").glob("[1-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (folder / "environ").read_bytes().split(b"\0") and alive(int(folder.name)):
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_memory_and_variables_of_what_holds_the_token_are_roots_alone(tmp_path: Path) -> None:
    """An undumpable process's files in /proc belong to root, so the same account cannot read them (proc(5))."""
    code = (
        "from clients.process import hide_memory; hide_memory(); print(open('/proc/self/status').read().count('Uid')); "
    )
    code += "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    assert callable(hide_memory)
    done = run(python(code), cwd=Path(__file__).parents[2], timeout=30)
    assert done.output == "1\n0\n"


def test_a_command_that_closed_its_output_is_waited_for(tmp_path: Path) -> None:
    code = """
    import os, time
    os.close(1); os.close(2)
    time.sleep(0.3)
    open("finished", "w").close()
    os._exit(5)
    """
    assert run(python(code), cwd=tmp_path, timeout=30).returncode == 5
    assert (tmp_path / "finished").exists()


def test_command_dies_with_the_process_that_asked(tmp_path: Path) -> None:
    """kill -9 of the caller ends the command and the command's own children."""
    inner = """
    import os, pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path("pids.part").write_text(f"{os.getpid()} {child.pid}")
    os.replace("pids.part", "pids")
    time.sleep(600)
    """
    outer = f"""
    import sys
    from pathlib import Path
    from clients.process import run
    run([sys.executable, "-c", {textwrap.dedent(inner)!r}], cwd=Path({str(tmp_path)!r}), timeout=600)
    """
    caller = subprocess.Popen(python(outer), cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    wait_until((tmp_path / "pids").exists, "the command's start")
    caller.kill()
    caller.wait()
    for pid in (tmp_path / "pids").read_text().split():
        wait_until(partial(ended, int(pid)), f"the end of {pid}")


def test_an_error_of_the_listener_ends_the_command(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise ValueError(line)

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(ValueError, match=r"\d+") as caught:
        run(python(code), cwd=tmp_path, timeout=60, on_line=fail)
    wait_until(lambda: not alive(int(str(caught.value))), "the command's end")


def test_only_the_end_of_very_long_output_is_kept(tmp_path: Path) -> None:
    done = run(python("print(('x' * 79 + chr(10)) * 300000 + 'last')"), cwd=tmp_path, timeout=60)
    assert len(done.output) == 16 * 1024 * 1024
    assert done.last_lines(1) == "last"


@pytest.mark.parametrize(
    "name", ["GH_TOKEN", "PGPASSWORD", "DATABASE_URL", "TWINE_USERNAME", "PREFECT_API_AUTH_STRING"]
)
def test_secrets_do_not_reach_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv(name, "marker-value")
    code = f"import os; print(os.environ.get({name!r}))"
    assert run(python(code), cwd=tmp_path, timeout=30).output == "None\n"
    assert run(python(code), cwd=tmp_path, timeout=30, environment={name: "asked"}).output == "asked\n"


def test_missing_program_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="the command 'no-such-program' was not found"):
        run(["no-such-program"], cwd=tmp_path, timeout=5)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="does not exist"):
        run(["true"], cwd=tmp_path / "nowhere", timeout=5)


def test_a_file_that_cannot_be_executed_tells_so(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"\x00not a program")
    script.chmod(0o755)
    done = run(["./script"], cwd=tmp_path, timeout=30)
    assert done.returncode == 126
    assert "./script: Exec format error" in done.output


def test_last_lines_are_the_last() -> None:
    assert Completed(0, "a\nb\nc\n", 0.1).last_lines(2) == "b\nc"
