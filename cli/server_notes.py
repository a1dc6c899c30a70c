"""What Lockgate's own commands know of a server that one of them started: its address and its password.

A note is a file in Lockgate's home that only this account reads; it is there while the server runs. The password never stands
in an argument, a log line or a record.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli.console import say
from clients.locks import here
from clients.own_files import read_own, write_own
from lockgate.masking import learn

UP = "up.json"
ONE_COMMAND = "terminal-*.json"
PASSWORD = "password"  # noqa: S105 - a file's name
USER = "admin"
OF_SERVER, OF_CLIENT = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"


@dataclass(frozen=True, slots=True)
class Note:
    """A running server: its API's address, USER:PASSWORD as Prefect takes it, and the process that looks after it."""

    api: str
    auth: str
    host: str
    pid: int


def kept_password(home: Path) -> str:
    """What the server of `lockgate up` asks for: what PREFECT_SERVER_API_AUTH_STRING says, or a random one that is kept.

    Kept in Lockgate's home, so that a browser that knows it goes on after a restart.
    """
    known = (read_own(home / PASSWORD) or "").strip()
    wanted = os.environ.get(OF_SERVER) or known or new_password()
    if wanted != known:
        write_own(home / PASSWORD, f"{wanted}\n")
    learn(wanted, wanted.partition(":")[2])
    return wanted


def new_password() -> str:
    """A random password that was never used."""
    password = secrets.token_urlsafe(24)
    learn(password)
    return f"{USER}:{password}"


@contextlib.contextmanager
def noted(home: Path, name: str, api: str, auth: str) -> Iterator[Path]:
    """While it lasts, a file says where the server is and what it asks for; gives the file."""
    file = home / name.replace("*", str(os.getpid()))
    write_own(file, json.dumps(asdict(Note(api, auth, here(), os.getpid()))) + "\n")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def read_note(file: Path) -> Note | None:
    """What a note says; None without one, and for one that is not to be understood. Raises SettingsError for a foreign one."""
    text = read_own(file)
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        found = Note(**json.loads(text or ""))
        if all(isinstance(value, str) for value in (found.api, found.auth, found.host)) and isinstance(found.pid, int):
            return found
    return None


def use_password(home: Path) -> None:
    """Let Prefect's client in this process give the password of the server that PREFECT_API_URL names, where it is known.

    What PREFECT_API_AUTH_STRING or PREFECT_SERVER_API_AUTH_STRING says comes first. A noted password goes to the noted address
    only, while the process that noted it runs: nobody else who listens there is told it.
    """
    if os.environ.get(OF_CLIENT):
        return
    if given := os.environ.get(OF_SERVER):
        os.environ[OF_CLIENT] = given
        return
    for file in (home / UP, *sorted(home.glob(ONE_COMMAND))):
        note = read_note(file)
        if note is not None and note.api == os.environ.get("PREFECT_API_URL") and _runs(note):
            os.environ[OF_CLIENT] = note.auth
            learn(note.auth, note.auth.partition(":")[2])
            return


def tell(console: Console, address: str, auth: str, file: Path) -> None:
    """Say where the pages are and what they ask for: the password itself on a terminal only, elsewhere the file that holds it."""
    say(console, "Prefect's pages: ", (f"{address}/v2/", "bold"))
    if console.is_terminal:
        console.print(Text(f"Their password:  {auth}"), soft_wrap=True)  # not `say`, which masks it everywhere else
    else:
        say(console, f"Their password:  in {file}, which only this account can read")


def _runs(note: Note) -> bool:
    """Whether the process that wrote the note runs, as this account."""
    if note.host != here():
        return False
    try:
        os.kill(note.pid, 0)
    except OSError:
        return False
    return True
