"""What is known about a stack while it runs and between runs: ``stack.json`` and the lock beside it. No secrets."""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from services.topology import SERVICES
from tools.certs.publish import private_folder, write_private
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.processes import alive, await_end, kill_session, send

LONGEST_SOCKET_PATH = 107
"""Bytes that fit into ``sockaddr_un.sun_path`` with its closing zero, unix(7)."""
_TEMPORARY_PREFIX = "magistrate-"
_LEFTOVER_PATIENCE_S = 10.0


class Phase(StrEnum):
    """Where one part of the stack is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"
    LEFT_OVER = "left over"
    """Its supervisor was killed; the next `up` or `down` ends it."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ProcessRecord(_Record):
    """A process, known well enough to end the right one later."""

    pid: int
    born: str
    started_at: datetime
    stop_signal: int = int(signal.SIGTERM)

    @property
    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        return alive(self.pid, self.born)


class PartRecord(_Record):
    """One part of the stack."""

    phase: Phase = Phase.WAITING
    address: str = ""
    log: str = ""
    restarts: int = 0
    process: ProcessRecord | None = None


class StackRecord(_Record):
    """Everything that other programs may want to know about a stack."""

    supervisor: ProcessRecord | None = None
    ready: bool = False
    run_dir: str = ""
    """The folder of the services' unix sockets."""
    edge: str = ""
    """``host:port`` of the public API."""
    model: str = ""
    providers: tuple[str, ...] = ()
    ports: dict[str, int] = Field(default_factory=dict)
    """Ports by part; kept between runs."""
    parts: dict[str, PartRecord] = Field(default_factory=dict)
    sample_ingested: bool = False

    @property
    def running(self) -> bool:
        """Tell whether the supervisor of this record lives."""
        return self.supervisor is not None and self.supervisor.alive


def read(folder: Folder) -> StackRecord:
    """Return what is recorded about the stack in ``folder``; an empty record when there was none.

    Raises:
        StackError: The file is not a record of ours.
    """
    try:
        return StackRecord.model_validate_json(folder.record.read_bytes())
    except FileNotFoundError:
        return StackRecord()
    except ValueError as error:
        raise StackError(
            f"{folder.record} cannot be read as a stack record",
            hint="remove that file; ports are then picked anew and data stays",
        ) from error


def write(folder: Folder, record: StackRecord) -> None:
    """Replace the record in one step."""
    write_private(folder.record, record.model_dump_json(indent=2).encode() + b"\n")


@contextmanager
def lock(folder: Folder) -> Iterator[None]:
    """Hold the state folder: two supervisors on one folder would fight over its data.

    The kernel drops the lock with its holder, so a killed supervisor leaves none behind.

    Raises:
        StackError: Another supervisor holds it.
    """
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"a stack already runs in {folder.root}",
                hint="`magistrate status` shows it, `magistrate down` stops it, `--state DIR` starts another beside it",
            ) from None
        yield
    finally:
        os.close(descriptor)


def locked(folder: Folder) -> bool:
    """Tell whether a supervisor holds ``folder``."""
    try:
        with lock(folder):
            return False
    except StackError:
        return True
    except FileNotFoundError:
        return False


def end_leftovers(record: StackRecord) -> tuple[str, ...]:
    """End what a killed supervisor left running; return the names of those parts.

    Callers come before callees in ``parts``' reverse order, so services let go of the stores first.
    """
    left = {name: part.process for name, part in record.parts.items() if part.process and part.process.alive}
    for process in reversed(left.values()):
        send(process.pid, process.born, signal.Signals(process.stop_signal))
    for process in left.values():
        if not await_end(process.pid, process.born, _LEFTOVER_PATIENCE_S):
            kill_session(process.pid, process.born)
            await_end(process.pid, process.born, _LEFTOVER_PATIENCE_S)
    return tuple(left)


def socket_folder(folder: Folder) -> Path:
    """Return a private folder whose sockets have paths short enough for the system; make it if need be."""
    longest = max(len(f"/{service.name}-egress.sock.lock") for service in SERVICES)
    run = folder.root / "run"
    if len(os.fsencode(run)) + longest <= LONGEST_SOCKET_PATH:
        private_folder(run)
        return run
    return Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX))


def remove_socket_folder(folder: Folder, record: StackRecord) -> None:
    """Remove the sockets of an earlier run, and their folder if it was a temporary one of ours."""
    run = Path(record.run_dir) if record.run_dir else folder.root / "run"
    ours = run == folder.root / "run" or run.name.startswith(_TEMPORARY_PREFIX)
    if ours and run.is_dir() and not run.is_symlink() and run.stat().st_uid == os.geteuid():
        shutil.rmtree(run, ignore_errors=True)
