"""Keeps ``stack.json`` true while the stack changes, and goes on where the disk is full for now."""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from tools.up import state
from tools.up.folder import Folder
from tools.up.processes import Child, birth
from tools.up.state import PartRecord, Phase, ProcessRecord, StackRecord


class Ledger:
    """The record of one running stack, written to its state folder on every change."""

    def __init__(self, folder: Folder, record: StackRecord) -> None:
        self._folder = folder
        self._behind = False
        """Whether the file does not say yet what the record says."""
        self.record = record

    def open(self, parts: dict[str, PartRecord]) -> None:
        """Record this process as the supervisor of ``parts``.

        Raises:
            OSError: It cannot be written, so nobody could find what is about to start.
        """
        pid = os.getpid()
        own = ProcessRecord(pid=pid, born=birth(pid) or "", started_at=_moment(time.time()))
        self.record = self.record.model_copy(update={"supervisor": own, "ready": False, "parts": parts})
        state.write(self._folder, self.record)

    def change(self, **fields: Any) -> None:
        """Replace fields of the record; a disk that is full for now ends nothing that runs, see `catch_up`."""
        self.record = self.record.model_copy(update=fields)
        self._behind = True
        self.catch_up()

    def catch_up(self) -> None:
        """Write what could not be written before."""
        if self._behind:
            with suppress(OSError):
                state.write(self._folder, self.record)
                self._behind = False

    def part(self, name: str, **fields: Any) -> None:
        """Replace fields of one part."""
        changed = self.record.parts[name].model_copy(update=fields)
        self.change(parts=self.record.parts | {name: changed})

    def started(self, name: str, child: Child, stop_signal: int) -> None:
        """Record the process of a part, so that it can be found if this supervisor is killed."""
        started_at = _moment(child.started_at)
        process = ProcessRecord(pid=child.pid, born=child.born, started_at=started_at, stop_signal=stop_signal)
        self.part(name, phase=Phase.STARTING, process=process)

    def stopped(self, name: str) -> None:
        """Record that a part has no process any more."""
        self.part(name, phase=Phase.STOPPED, process=None)

    def close(self) -> None:
        """Record that nothing runs; ports stay for the next start."""
        self.change(supervisor=None, ready=False, run_dir="")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
