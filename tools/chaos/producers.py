"""Those who send: some wait for the acknowledgement, some leave it to a spool, some to an outbox. None gives up."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.call import Principal
from services.chassis.client import Departures, open_channel
from services.chassis.errors import MeshError
from services.chassis.postgres import guarded, open_pool
from services.chassis.relay import Letter, Relay
from services.chassis.spool import AnySpool, Item, ShardedSpool
from tools.chaos.history import History, Place
from tools.chaos.system import RECORDERS, System

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

TENANT = Principal(tenant="acme", subject="chaos", roles=("admin",))
NOBODY = ""
PEOPLE = ("ada", "bob", "cleo")
WAITING, STREAMING = 12, 2
"""How many wait for each record, and how many send many in a message."""
MESSAGE = 20
CALL_S = 6.0
PAUSE_S = 0.05
SPOOLED_PAUSE_S = OUTBOX_PAUSE_S = 0.02
REPEAT_EVERY = 10
SPOOL_BYTES, SHARDS = 64 << 20, 2
PUT = "insert into outbox (letter_id, tenant, subject, body) values ($1, $2, '', $3) on conflict do nothing"


class Producers:
    """All that send, and what they were told."""

    def __init__(self, system: System, history: History) -> None:
        self._system, self._history = system, history
        self._numbers = itertools.count()
        self._stopping = asyncio.Event()
        self._stubs: list[RecorderServiceAsyncStub] = []

    def stub(self, number: int) -> "RecorderServiceAsyncStub":
        """Return a client of one of the recorders."""
        return self._stubs[number % len(self._stubs)]

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Hold the channels to the recorders open."""
        async with AsyncExitStack() as resources:
            for number in range(RECORDERS):
                channel = open_channel(
                    str(self._system.socket(number)), Departures(default_timeout_s=CALL_S, principal=TENANT)
                )
                resources.push_async_callback(channel.close)
                self._stubs.append(RecorderServiceStub(channel))
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send until the end of the block; then wait until everything that was promised has been delivered."""
        async with AsyncExitStack() as resources:
            folder = self._system.folder.root / "spool"
            spool = await resources.enter_async_context(
                ShardedSpool(folder, self._deliver, shards=SHARDS, max_bytes=SPOOL_BYTES)
            )
            pool = await resources.enter_async_context(open_pool(self._system.login("engine")))
            relay = Relay(pool, self._post, box="chaos", interval_s=0.2, lease_s=CALL_S)
            async with asyncio.TaskGroup() as group:
                carrying = [group.create_task(spool.run()), group.create_task(relay.run())]
                sending = [group.create_task(work) for work in self._work(spool, pool, relay)]
                try:
                    yield
                finally:
                    self._stopping.set()
                await asyncio.wait(sending)
                while spool.total_bytes or await _waits(pool):  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(PAUSE_S)
                for task in carrying:
                    task.cancel()

    def _work(self, spool: AnySpool, pool: asyncpg.Pool, relay: Relay) -> list[Coroutine[object, object, None]]:
        waiting = [self._wait(number) for number in range(WAITING)]
        streaming = [self._stream(number) for number in range(STREAMING)]
        return [*waiting, *streaming, self._spool(spool), self._outbox(pool, relay)]

    def _entry(self) -> pb.Entry:
        number = next(self._numbers)
        key, person = f"key-{number}", (NOBODY, *PEOPLE)[number % (1 + len(PEOPLE))]
        self._history.people[key] = person
        return pb.Entry(
            idempotency_key=key,
            kind=pb.RECORD_KIND_ATTEMPT,
            decision_id=key,
            subject_id=person,
            payload=payload(key),
            content_type="text/plain",
        )

    async def _wait(self, number: int) -> None:
        """Send one record after the other, each until it is acknowledged, now and then once more."""
        turns = itertools.count(number)
        while not self._stopping.is_set():
            entry = self._entry()
            await self._until_acknowledged(entry, turns)
            if next(turns) % REPEAT_EVERY == 0:
                await self._until_acknowledged(entry, turns)

    async def _until_acknowledged(self, entry: pb.Entry, turns: "itertools.count[int]") -> None:
        while True:
            try:
                await self._append(entry, next(turns))
            except MeshError as error:
                self._history.note(f"refused: {error.reason}", entry.idempotency_key)
                await asyncio.sleep(PAUSE_S)
            else:
                return

    async def _append(self, entry: pb.Entry, turn: int) -> None:
        reply = await self.stub(turn).Append(pb.AppendRequest(entry=entry))
        self._history.acknowledge(entry.idempotency_key, _place(reply.position))

    async def _stream(self, number: int) -> None:
        """Send many records in a message, and those again that were not acknowledged."""
        turns, left = itertools.count(number), list[pb.Entry]()
        while left or not self._stopping.is_set():
            if not self._stopping.is_set():
                left += [self._entry() for _ in range(MESSAGE - len(left))]
            left = await self._send(left, next(turns))
            await asyncio.sleep(PAUSE_S)

    async def _send(self, entries: list[pb.Entry], turn: int) -> list[pb.Entry]:
        """Send one message; return the records that must be sent again."""
        acknowledged = set[str]()
        try:
            async for reply in self.stub(turn).AppendStream(iter([pb.AppendStreamRequest(entries=entries)])):
                for each in reply.acknowledgements:
                    if each.reason:
                        self._history.note(f"refused: {each.reason}", each.idempotency_key)
                    else:
                        acknowledged.add(each.idempotency_key)
                        self._history.acknowledge(each.idempotency_key, _place(each.position))
        except MeshError as error:
            self._history.note(f"refused: {error.reason}", f"{len(entries)} records")
        return [entry for entry in entries if entry.idempotency_key not in acknowledged]

    async def _spool(self, spool: AnySpool) -> None:
        while not self._stopping.is_set():
            entry = self._entry()
            try:
                await spool.put(Item(tenant=TENANT.tenant, body=entry.SerializeToString()))
            except MeshError as error:
                self._history.note(f"not spooled: {error.reason}", entry.idempotency_key)
            else:
                self._history.promise(entry.idempotency_key)
            await asyncio.sleep(SPOOLED_PAUSE_S)

    async def _deliver(self, items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Deliver what the spool has."""
        return await asyncio.gather(*(self._delivered(pb.Entry.FromString(item.body)) for item in items))

    async def _delivered(self, entry: pb.Entry) -> MeshError | None:
        try:
            await self._append(entry, next(self._numbers))
        except MeshError as error:
            return error
        return None

    async def _outbox(self, pool: asyncpg.Pool, relay: Relay) -> None:
        while not self._stopping.is_set():
            entry = self._entry()
            try:
                with guarded():
                    await pool.execute(PUT, entry.idempotency_key, TENANT.tenant, entry.SerializeToString())
            except MeshError:
                self._history.note("not put into the outbox", entry.idempotency_key)
            else:
                self._history.promise(entry.idempotency_key)
                relay.wake()
            await asyncio.sleep(OUTBOX_PAUSE_S)

    async def _post(self, letter: Letter) -> None:
        await self._append(pb.Entry.FromString(letter.body), next(self._numbers))


async def _waits(pool: asyncpg.Pool) -> bool:
    try:
        with guarded():
            return bool(await pool.fetchval("select count(*) from outbox"))
    except MeshError:
        return True


def payload(key: str) -> bytes:
    """Return what a record says."""
    return key.encode() * 50


def _place(position: pb.Position) -> Place:
    return Place(origin=position.origin, index=position.index, leaf=position.leaf_hash)
