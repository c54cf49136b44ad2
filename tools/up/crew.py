"""All parts of one stack: started in dependency order and side by side, restarted when they crash, stopped in order."""

import asyncio
import time
from collections.abc import Iterable

from tools.up.events import Event, Kind, Report
from tools.up.failures import SilentError, StackError, of_the_machine
from tools.up.folder import Folder
from tools.up.ledger import Ledger
from tools.up.logs import roll, size, tail
from tools.up.part import Part
from tools.up.processes import Child
from tools.up.state import PartRecord, Phase

_FIRST_PROBE_S, _LONGEST_PROBE_S, _LESS_OFTEN = 0.03, 0.1, 1.2
"""How often a starting part, which cannot tell when it is ready, is asked: less often the longer it takes, since every
look takes time from what is looked at."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
"""The wait before a crashed part is started again: doubled each time it crashes soon after."""
_STEADY_S = 30.0
"""A part that ran this long is restarted without delay again."""
_LOG_LINES = 15


class Crew:
    """The parts of one stack and their processes."""

    def __init__(self, parts: Iterable[Part], folder: Folder, ledger: Ledger, report: Report) -> None:
        self._parts = {part.name: part for part in parts}
        self._folder = folder
        self._ledger = ledger
        self._report = report
        self._ready = {name: asyncio.Event() for name in self._parts}
        self._children: dict[str, Child] = {}
        self._said: dict[str, int] = {}
        """Bytes in the log of each part before its present process began."""

    def plan(self) -> dict[str, PartRecord]:
        """Announce every part and return its first record."""
        for part in self._parts.values():
            self._report(Event(kind=Kind.PLANNED, part=part.name))
        return {
            name: PartRecord(address=part.address, log=str(self._folder.log(name)))
            for name, part in self._parts.items()
        }

    async def start(self, keepers: asyncio.TaskGroup) -> None:
        """Start every part as soon as those before it are ready; each is watched in ``keepers`` from then on.

        Raises:
            StackError: In an exception group: a part did not become ready.
        """
        async with asyncio.TaskGroup() as group:
            for part in self._parts.values():
                group.create_task(self._bring_up(part, keepers))

    async def stop(self) -> None:
        """Stop every process, callers before callees; those that nobody needs any more stop side by side."""
        gone = {name: asyncio.Event() for name in self._parts}
        await asyncio.gather(*(part.drain() for part in self._parts.values() if self._runs(part)))
        async with asyncio.TaskGroup() as group:
            for part in self._parts.values():
                group.create_task(self._take_down(part, gone))

    def kill(self) -> None:
        """End every process at once."""
        for child in self._children.values():
            child.kill()

    async def _bring_up(self, part: Part, keepers: asyncio.TaskGroup) -> None:
        for name in part.after:
            await self._ready[name].wait()
        began = time.monotonic()
        self._report(Event(kind=Kind.STARTING, part=part.name))
        try:
            await self._launch_surely(part)
            await part.settle()
        except StackError as error:
            raise self._explained(error, part) from error
        except OSError as error:
            raise self._explained(of_the_machine(error), part) from error
        self._ledger.part(part.name, phase=Phase.READY)
        self._report(Event(kind=Kind.READY, part=part.name, text=part.address, seconds=time.monotonic() - began))
        self._ready[part.name].set()
        if part.name in self._children:
            keepers.create_task(self._keep(part))

    async def _launch_surely(self, part: Part) -> None:
        """Launch ``part``, and once more where its process runs and never answers: a start can get stuck."""
        try:
            await self._launch(part)
        except SilentError as silent:
            self._report(Event(kind=Kind.NOTE, part=part.name, text=f"{silent}; started again", log=self._tail(part)))
            self._children[part.name].kill()
            await self._children[part.name].wait()
            await self._launch(part)

    async def _launch(self, part: Part) -> None:
        """Start the process of ``part``, if it has one, and wait until it answers."""
        await part.prepare()
        command = part.command()
        if command is None:
            return
        log = self._folder.log(part.name)
        roll(log)
        self._said[part.name] = size(log)
        child = await Child.start(command, log)
        self._children[part.name] = child
        self._ledger.started(part.name, child, command.stop_signal)
        pause_s = _FIRST_PROBE_S
        try:
            async with asyncio.timeout(part.start_limit_s):
                while not await part.ready():
                    if child.exit_code is not None:
                        raise StackError(f"{part.name} ended while starting ({_ending(child.exit_code)})")
                    await asyncio.sleep(pause_s)
                    pause_s = min(_LESS_OFTEN * pause_s, _LONGEST_PROBE_S)
        except TimeoutError as error:
            raise SilentError(f"{part.name} did not answer within {part.start_limit_s:.0f} s") from error

    async def _keep(self, part: Part) -> None:
        """Start ``part`` again whenever it ends by itself, ever more slowly while it keeps ending soon."""
        pause_s = _FIRST_PAUSE_S
        while True:
            child = self._children[part.name]
            code = await child.wait()
            pause_s = _FIRST_PAUSE_S if time.time() - child.started_at > _STEADY_S else pause_s
            restarts = self._ledger.record.parts[part.name].restarts + 1
            self._ledger.part(part.name, phase=Phase.RESTARTING, process=None, restarts=restarts)
            text = f"{_ending(code)}; started again in {pause_s:.1f} s"
            self._report(Event(kind=Kind.ENDED, part=part.name, text=text))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            await self._relaunch(part)

    async def _relaunch(self, part: Part) -> None:
        began = time.monotonic()
        try:
            await self._launch(part)
        except (StackError, OSError) as error:  # a full disk, too, may be over at the next try
            self._children[part.name].kill()
            self._report(Event(kind=Kind.NOTE, part=part.name, text=str(error), log=self._tail(part)))
            return
        self._ledger.part(part.name, phase=Phase.READY)
        self._report(Event(kind=Kind.READY, part=part.name, text=part.address, seconds=time.monotonic() - began))

    async def _take_down(self, part: Part, gone: dict[str, asyncio.Event]) -> None:
        for name in part.stops_after:
            if name in gone:
                await gone[name].wait()
        if self._runs(part):
            self._report(Event(kind=Kind.STOPPING, part=part.name))
            await self._children[part.name].stop()
        self._ledger.stopped(part.name)
        gone[part.name].set()

    def _runs(self, part: Part) -> bool:
        child = self._children.get(part.name)
        return child is not None and child.exit_code is None

    def _explained(self, error: StackError, part: Part) -> StackError:
        return StackError(
            error.problem, hint=error.hint or part.hint, part=part.name, log=error.log or self._tail(part)
        )

    def _tail(self, part: Part) -> tuple[str, ...]:
        return tail(self._folder.log(part.name), _LOG_LINES, since=self._said.get(part.name, 0))


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
