"""Does what the plan says, and heals it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import MeshError
from tools.chaos.history import History
from tools.chaos.plan import Disturbance, Kind
from tools.chaos.producers import PEOPLE, Producers
from tools.chaos.system import Running, System, children

END_SESSIONS = "select pg_terminate_backend(pid) from pg_stat_activity where usename in ('recorder', 'publisher')"
SESSIONS = "select pid from pg_stat_activity where usename in ('recorder', 'publisher') order by pid"
BASIS = "GDPR Art. 17(1)(b)"


class Disturber:
    """Disturbs one system."""

    def __init__(self, system: System, producers: Producers, history: History) -> None:
        self._system, self._producers, self._history = system, producers, history
        self._ways: dict[Kind, Callable[[Disturbance], Awaitable[None]]] = {
            Kind.KILL_RECORDER: lambda d: self._restart(self._recorder(d), signal.SIGKILL, d.lasts_s),
            Kind.KILL_PUBLISHER: lambda d: self._restart(self._system.publisher, signal.SIGKILL, d.lasts_s),
            Kind.KILL_BACKEND: self._kill_backend,
            Kind.CRASH_DATABASE: lambda _: self._restart(self._system.database, signal.SIGQUIT, 0),
            Kind.RESTART_DATABASE: lambda _: self._restart(self._system.database, signal.SIGINT, 0),
            Kind.END_SESSIONS: lambda _: self._tell(END_SESSIONS),
            Kind.FREEZE_RECORDER: lambda d: self._freeze(self._recorder(d), d.lasts_s),
            Kind.FREEZE_DATABASE: lambda d: self._freeze(self._system.database, d.lasts_s),
            Kind.HOLD_LOG: self._hold,
            Kind.CUT_CONNECTIONS: self._cut,
            Kind.STALL_CONNECTIONS: lambda d: self._system.proxy.stall(d.lasts_s),
            Kind.ERASE: self._erase,
            Kind.ROTATE: self._rotate,
        }

    async def follow(self, plan: tuple[Disturbance, ...], said: Callable[[Disturbance], None]) -> None:
        """Do one thing after the other at its time; what lasts is over before the next begins."""
        began = asyncio.get_running_loop().time()
        for disturbance in plan:
            await asyncio.sleep(max(0.0, began + disturbance.at_s - asyncio.get_running_loop().time()))
            said(disturbance)
            self._history.note(disturbance.kind.value, str(disturbance.number))
            await self._ways[disturbance.kind](disturbance)
            self._history.note(f"over: {disturbance.kind.value}")

    def _recorder(self, disturbance: Disturbance) -> Running:
        return self._system.recorders[disturbance.number % len(self._system.recorders)]

    async def _restart(self, process: Running, number: signal.Signals, away_s: float) -> None:
        await process.end(number)
        await asyncio.sleep(away_s)
        await process.start()

    async def _freeze(self, process: Running, seconds: float) -> None:
        process.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.signal(signal.SIGCONT)

    async def _kill_backend(self, disturbance: Disturbance) -> None:
        """Kill a session, after which the server ends all others and recovers."""
        with suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(self._system.superuser) as root:
                found = [pid for (pid,) in await (await root.execute(SESSIONS)).fetchall()]
            found = [pid for pid in found if pid in children(self._system.database.alive.pid)]
            if found:
                with suppress(ProcessLookupError):
                    os.kill(found[disturbance.number % len(found)], signal.SIGKILL)

    async def _hold(self, disturbance: Disturbance) -> None:
        with suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(self._system.superuser) as root:
                await root.execute("select from recorder.head for update")
                await asyncio.sleep(disturbance.lasts_s)

    async def _cut(self, _: Disturbance) -> None:
        self._system.proxy.cut()

    async def _tell(self, statement: str) -> None:
        with suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(self._system.superuser) as root:
                await root.execute(statement.encode())

    async def _erase(self, disturbance: Disturbance) -> None:
        """Erase a person; only what was acknowledged before must be gone, and only once that is confirmed."""
        person = PEOPLE[disturbance.number % len(PEOPLE)]
        before = self._history.about(person)
        with suppress(MeshError):
            request = pb.EraseSubjectRequest(subject_id=person, legal_basis=BASIS)
            reply = await self._producers.stub(disturbance.number).EraseSubject(request)
            self._history.erasable |= before
            self._history.note("erased", f"{person} {reply.erased_count}")

    async def _rotate(self, disturbance: Disturbance) -> None:
        with suppress(MeshError):
            await self._producers.stub(disturbance.number).RotateTenantKey(pb.RotateTenantKeyRequest())
            self._history.note("rotated")
