"""Acts on a running stack from another process, through its record alone: stop it, look at it."""

import signal
import time

from tools.up import state
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.processes import await_end, send

DOWN_LIMIT_S = 180.0
"""Longer than every part may take to drain, one after the other, in practice."""


def down(folder: Folder) -> tuple[str, ...]:
    """Stop the stack of ``folder`` and wait until it is gone; return what was running.

    Safe when nothing runs. Where the supervisor was killed, what it left behind is ended.

    Raises:
        StackError: It does not end.
    """
    record = state.read(folder)
    running = tuple(name for name, part in record.parts.items() if part.process and part.process.alive)
    if record.supervisor and record.supervisor.alive:
        supervisor = record.supervisor
        send(supervisor.pid, supervisor.born, signal.SIGTERM)
        if not await_end(supervisor.pid, supervisor.born, DOWN_LIMIT_S):
            raise StackError(
                f"the supervisor (process {supervisor.pid}) has not ended within {DOWN_LIMIT_S:.0f} s",
                hint="`magistrate logs supervisor` shows what it waits for; a second `magistrate down` kills it",
            )
        return running
    state.end_leftovers(record)
    return running


def await_ready(folder: Folder, patience_s: float) -> state.StackRecord:
    """Wait until the stack of ``folder`` serves; return its record.

    Raises:
        StackError: It did not within ``patience_s`` seconds.
    """
    until = time.monotonic() + patience_s
    while not (record := state.read(folder)).ready:
        if time.monotonic() > until:
            raise StackError(f"no stack serves in {folder.root}", hint="`magistrate up` starts one")
        time.sleep(0.05)
    return record


def serving(folder: Folder) -> state.StackRecord:
    """Return the record of the stack that serves in ``folder`` now.

    Raises:
        StackError: None does.
    """
    record = state.read(folder)
    if not record.running:
        hint = "`magistrate up` starts one, `--state DIR` names another"
        raise StackError(f"no stack runs in {folder.root}", hint=hint)
    return record
