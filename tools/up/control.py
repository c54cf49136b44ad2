"""Acts on a running stack from another process, through its record alone: stop it, look at it."""

import shutil
import signal

from tools.up import state
from tools.up.failures import StackError
from tools.up.folder import OWN, Folder
from tools.up.postgres import outside
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


def purge(folder: Folder) -> None:
    """Remove a stopped stack for good: its data, keys and logs, and with them its evidence.

    Only what a stack makes is removed, so that a wrongly named folder loses nothing else.

    Raises:
        StackError: It still runs.
    """
    if not folder.root.is_dir():
        return
    with state.lock(folder):
        for path in (*outside(folder), *(folder.root / name for name in OWN)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    if not any(folder.root.iterdir()):
        folder.root.rmdir()


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
