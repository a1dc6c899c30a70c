"""The project's own code: the one way in which build, tests, commands and trials run.

It gets variables by an allow-list, a home and a folder for temporary files of its own that are removed afterwards, and
nothing of it outlives the call. Where bubblewrap works it sees nothing else either: its own processes only, the system
and the Python environments read-only, and of everything else the folders that it is given. What is not shown is not
there: Lockgate's home and store, the person's home, the sockets of agents, of Docker and of Prefect's database.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from clients.installer_settings import installer_settings
from clients.process import Completed, check_runnable, run_with
from lockgate.child_environment import project_environment
from lockgate.errors import RefusedError
from lockgate.isolation import VARIABLE, Means, Rights, Wanted, check_isolation, in_force, stricter
from lockgate.lines import lines_of

BWRAP: Final = "bwrap"
PROBE_SECONDS: Final = 20
HOME: Final = Path("/home/project")
# Tests may commit in repositories of their own; whose name that carries is nobody's business.
IDENTITY: Final = "[user]\n\tname = Lockgate\n\temail = lockgate@localhost\n"
APART: Final = (
    "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--new-session", "--die-with-parent",
)  # fmt: skip
SYSTEM: Final = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
)
# Links out of what is shown, in some systems; and what programs of a person's home need beside their own folder.
BEHIND_LINKS: Final = ("/etc/resolv.conf", "/etc/ssl/certs", "/etc/localtime")
WITH_PROGRAMS: Final = (
    ".local/share/uv/python", ".local/share/uv/tools", ".local/share/pipx", ".local/share/mise", ".pyenv", ".asdf", ".nvm",
    ".rustup",
)  # fmt: skip


def means() -> Means:
    """What this machine can keep code apart with; tried once, with what a real call needs."""
    return _try_bubblewrap(os.environ.get("PATH", ""))


@cache
def _try_bubblewrap(path: str) -> Means:
    program = shutil.which(BWRAP, path=path)
    if program is None:
        return Means("", "bubblewrap is not installed")
    trial = [program, *APART, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        version = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
        )
        done = subprocess.run(trial, capture_output=True, text=True, timeout=PROBE_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        return Means("", f"bubblewrap does not work here ({type(error).__name__})")
    if done.returncode:
        said = lines_of(done.stderr.strip() or "no reason given")[-1]
        return Means("", f"bubblewrap does not work here ({said})")
    return Means(" ".join(version.stdout.split()))


def wanted(setting: Wanted, environ: Mapping[str, str]) -> Wanted:
    """What counts of a project's `isolation` on this machine, which may ask for more."""
    return stricter(setting, environ.get(VARIABLE, ""))


def run_project(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    rights: Rights,
    writes: Sequence[Path] = (),
    reads: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run a command of the project in `cwd` and return how it ended, as `clients.process.run` does.

    It may write to `cwd`, to `writes`, and to its own home and temporary folder, and read `reads`. `environment` is what
    Lockgate itself gives it. Raises RefusedError when the program does not exist, or isolation is wanted and cannot be had.
    """
    if problems := check_isolation(rights, means()):
        raise RefusedError(*problems)
    apart = in_force(rights.isolation, means()).startswith("bubblewrap")
    with _own_folders() as (home, temporary):
        places = {"HOME": str(HOME), "TMPDIR": "/tmp"} if apart else {"HOME": str(home), "TMPDIR": str(temporary)}  # noqa: S108
        known = {**installer_settings({**os.environ, **(environment or {})}), **os.environ}
        variables = {**project_environment(known, rights.variables), **places, **(environment or {})}
        check_runnable(command, cwd, variables)
        if apart:
            shown = [*reads, *_python_folders(), *_program_folders(command[0], variables), *_named_folders(variables)]
            walls = _walls(home, temporary, [cwd, *writes], shown)
            command = [
                BWRAP,
                *APART,
                *(() if rights.network else ("--unshare-net",)),
                *walls,
                "--chdir",
                str(cwd),
                "--",
                *command,
            ]
        return run_with(variables, command, cwd=cwd, timeout=timeout, on_line=on_line)


@contextmanager
def _own_folders() -> Iterator[tuple[Path, Path]]:
    """A home and a temporary folder for one command; a short path, because sockets in it have little room (unix(7))."""
    folder = Path(tempfile.mkdtemp(prefix="lockgate-"))
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    (home / ".gitconfig").write_text(IDENTITY)
    try:
        yield home, temporary
    finally:
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                if not os.path.islink(one := os.path.join(parent, name)):  # noqa: PTH114, PTH118 - many of them
                    os.chmod(one, 0o700)  # noqa: PTH101 - the same
        shutil.rmtree(folder, ignore_errors=True)


def _walls(home: Path, temporary: Path, writes: Sequence[Path], reads: Sequence[Path]) -> list[str]:
    """Bubblewrap's arguments: what is there, the shallower first, so that what lies deeper is mounted over it."""
    mounts: list[tuple[str, str, str]] = []
    for path in SYSTEM:
        if os.path.islink(path):  # noqa: PTH114 - a string stays as it is
            mounts.append(("--symlink", os.readlink(path), path))  # noqa: PTH115 - the same
        elif os.path.isdir(path):  # noqa: PTH112 - the same
            mounts.append(("--ro-bind", path, path))
    mounts += [("--tmpfs", "", str(path)) for path in _hidden() if path.is_dir()]
    mounts += [
        ("--ro-bind", path, path) for path in map(os.path.realpath, BEHIND_LINKS) if not path.startswith("/etc/")
    ]
    mounts += _masked()
    mounts += [("--bind", str(temporary), place) for place in ("/tmp", "/var/tmp")]  # noqa: S108 - the code's own
    mounts += [("--bind", str(home), str(HOME)), ("--proc", "", "/proc"), ("--dev", "", "/dev")]
    mounts += [
        ("--ro-bind", str(path), str(path)) for path in reads if path.exists() and path not in (Path("/"), *_hidden())
    ]
    mounts += [("--bind", str(path), str(path)) for path in writes]
    shown: list[str] = []
    for what, source, target in sorted(dict.fromkeys(mounts), key=lambda one: one[2].rstrip("/").count("/")):
        shown += [what, source, target] if source else [what, target]
    return shown


def _hidden() -> tuple[Path, ...]:
    """What is never shown, also where it lies in something that is: homes and the store."""
    store = os.environ.get("LOCKGATE_STORE", "")
    places = [os.environ.get("LOCKGATE_HOME", ""), os.environ.get("PREFECT_HOME", ""), os.environ.get("HOME", "")]
    places += [str(Path.home()), "/etc/lockgate", "" if "://" in store else store]
    return tuple(dict.fromkeys(Path(place).absolute() for place in places if place and place != "/"))


@cache
def _masked() -> tuple[tuple[str, str, str], ...]:
    """Mounts over what in /etc not everybody may read, and this account may: passwords, private keys."""
    found: list[tuple[str, str, str]] = []
    for parent, folders, files in os.walk("/etc"):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() or not os.access(path, os.R_OK) or path.stat().st_mode & 0o004:
                continue
            if path.is_dir():
                folders.remove(name)
                found.append(("--tmpfs", "", str(path)))
            elif path.is_file():
                found.append(("--ro-bind", os.devnull, str(path)))
    return tuple(found)


def _python_folders() -> tuple[Path, ...]:
    """Where the running Python lives, as it is named and as it really is."""
    real = Path(sys.executable).resolve()
    return (Path(sys.prefix), Path(sys.base_prefix), *((real.parent.parent,) if real.parent.name == "bin" else ()))


def _program_folders(program: str, variables: Mapping[str, str]) -> list[Path]:
    """The folders of PATH and of the program itself; with the whole of a Python environment, and what it was made from."""
    names = [*variables.get("PATH", "").split(os.pathsep), str(Path(program).parent)]
    folders = [path for name in names if (path := Path(name)).is_absolute()]
    for folder in tuple(folders):
        settings = folder.parent / "pyvenv.cfg"
        if (folder.parent / "conda-meta").is_dir():
            folders.append(folder.parent)
        elif settings.is_file():
            made_from = [line.partition("=")[2].strip() for line in lines_of(settings.read_text(errors="replace"))
                         if line.startswith("home")]  # fmt: skip
            folders += [folder.parent, *(Path(one).parent for one in made_from if one.endswith("/bin"))]
    return folders + [Path.home() / name for name in WITH_PROGRAMS]


def _named_folders(variables: Mapping[str, str]) -> list[Path]:
    """Local indexes, wheels and certificates that pip's and uv's variables name."""
    words = [word for name, value in variables.items() if name.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_"))
             for word in value.split()]  # fmt: skip
    paths = [word.removeprefix("file://") for word in words]
    return [Path(path) for path in paths if path.startswith("/") and not path.startswith("/dev/")]
