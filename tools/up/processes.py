"""Processes: each is started in a session of its own, and known by pid and birth, never by pid alone."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.up.account import Account

_PROC = Path("/proc")
_AFTER_NAME = 2
"""``/proc/<pid>/stat`` goes on two characters behind the closing bracket of the process name."""
_STATE, _STARTTIME = 0, 19
"""Positions of the state and the start time (clock ticks since boot) among the fields behind the name, proc(5)."""
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start one process."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    """Whom to run as; None is the caller."""
    stop_signal: signal.Signals = signal.SIGTERM
    """The signal on which it finishes its work and ends."""
    stop_patience_s: float = 20.0
    """How long it may take to end before it is killed."""


def birth(pid: int) -> str | None:
    """Return what tells process ``pid`` from any other that had or will have its number; None when it is not alive."""
    if _PROC.joinpath("self").exists():
        return _birth_from_proc(pid)
    answer = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def _birth_from_proc(pid: int) -> str | None:
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_text()
        boot = _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + _AFTER_NAME :].split()
    return None if fields[_STATE] in "ZX" else f"{boot}:{fields[_STARTTIME]}"


def alive(pid: int, born: str) -> bool:
    """Tell whether the very process that was born as ``born`` still runs as ``pid``."""
    return birth(pid) == born


def send(pid: int, born: str, number: signal.Signals) -> None:
    """Signal a process if it is still the one that is meant."""
    if alive(pid, born):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_session(pid: int, born: str) -> None:
    """Kill a process and all that it started in its session."""
    if alive(pid, born):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def await_end(pid: int, born: str, patience_s: float) -> bool:
    """Wait for a process that is not our child; tell whether it ended in time."""
    until = time.monotonic() + patience_s
    while alive(pid, born):
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


class Child:
    """A running process of this supervisor."""

    def __init__(self, process: asyncio.subprocess.Process, command: Command, born: str) -> None:
        self._process = process
        self._command = command
        self.pid = process.pid
        self.born = born
        self.started_at = time.time()

    @classmethod
    async def start(cls, command: Command, log: Path) -> "Child":
        """Start ``command`` with its output appended to ``log``.

        It gets a session of its own: a Ctrl-C in the terminal reaches the supervisor only, which stops all in order.
        """
        argv = command.account.command(*command.argv) if command.account else command.argv
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(command.env),
                cwd=command.cwd,
                start_new_session=True,
            )
        return cls(process, command, birth(process.pid) or "ended")

    @property
    def exit_code(self) -> int | None:
        """Return how it ended: a negative number is a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end; return the exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, wait as long as it may take, then kill its session."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(self._command.stop_signal)
            try:
                await asyncio.wait_for(self.wait(), self._command.stop_patience_s)
            except TimeoutError:
                self.kill()
                await self.wait()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        kill_session(self.pid, self.born)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs ``module`` with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


async def run_to_end(command: Command, log: Path) -> int:
    """Run a command that ends by itself; return its exit code. It is killed when the caller is cancelled."""
    child = await Child.start(command, log)
    try:
        return await child.wait()
    finally:
        if child.exit_code is None:
            child.kill()
            await child.wait()
