"""Any order of records, retries, kills, restarts, erasures and rotations leaves a log that keeps every promise."""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import MeshError
from tests.contract.recorder.client import Stub, append, at, calling, instant, recording
from tests.e2e.recorder.oracle import check
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify.keys import generate

PEOPLE = st.sampled_from(["", "ada", "bob"])
_T = TypeVar("_T")


@dataclass(slots=True)
class Known:
    """What the caller knows of a record that was acknowledged."""

    position: pb.Position
    person: str
    payload: bytes
    erased: bool = False
    withheld: bool = False
    """It happened before its person was erased, and came afterwards."""


class Evidence(RuleBasedStateMachine):
    """One tenant's log through all that may happen to it, beside a model of what must be true."""

    postgres: PostgresServer

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(mkdtemp(prefix="machine-"))
        generate(self.folder)
        self.resources = ExitStack()
        self.database: Database = self.resources.enter_context(
            fresh_database(self.postgres, migrations_of=["recorder"])
        )
        self.known = dict[str, Known]()
        self.sent = dict[str, tuple[str, bytes]]()
        self.began = datetime.now(UTC)
        self.late = set[str]()
        self.buried = set[str]()
        self.running = AsyncExitStack()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run something to its end."""
        return self.loop.run_until_complete(work)

    @initialize()
    def start(self) -> None:
        """Begin with a recorder."""
        self.run(self._start())

    async def _start(self) -> None:
        self.running = AsyncExitStack()
        self.recorder = await self.running.enter_async_context(recording(self.database, self.folder))
        self.stub: Stub = await self.running.enter_async_context(calling(self.recorder))

    @rule(person=PEOPLE, payload=st.binary(min_size=1, max_size=40))
    def record(self, person: str, payload: bytes) -> None:
        """Something new is recorded."""
        key = secrets.token_hex(6)
        self.sent[key] = person, payload
        self.run(self._send(key))

    @rule(person=PEOPLE, payload=st.binary(min_size=1, max_size=40))
    def record_late(self, person: str, payload: bytes) -> None:
        """Something is recorded that happened before everything else here."""
        key = secrets.token_hex(6)
        self.sent[key] = person, payload
        self.late.add(key)
        self.run(self._send(key))

    # Which answers were heard differs from run to run, so nothing may be drawn from what is known.
    @rule(number=st.integers(0, 1000))
    def retry(self, number: int) -> None:
        """Something is sent again, whether or not its first answer was heard."""
        if self.sent:
            self.run(self._send(list(self.sent)[number % len(self.sent)]))

    @rule(person=PEOPLE, count=st.integers(1, 5), steps=st.integers(0, 12))
    def kill(self, person: str, count: int, steps: int) -> None:
        """The recorder loses its connections in the middle of work, and another takes over."""
        for _ in range(count):
            self.sent[secrets.token_hex(6)] = person, secrets.token_bytes(8)
        self.run(self._kill(list(self.sent)[-count:], steps))

    async def _kill(self, keys: list[str], steps: int) -> None:
        waiting = [asyncio.ensure_future(self._send(key)) for key in keys]
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        self.recorder.committer._writer._pool.terminate()  # type: ignore[attr-defined]  # the adapter behind the port
        for sending in waiting:
            sending.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self.running.aclose()
        await self._start()

    @rule()
    def restart(self) -> None:
        """The recorder ends in order and starts anew."""
        self.run(self.running.aclose())
        self.run(self._start())

    @rule(person=st.sampled_from(["ada", "bob"]))
    def erase(self, person: str) -> None:
        """A person is erased."""
        request = pb.EraseSubjectRequest(subject_id=person, legal_basis="b")
        reply = self.run(_of(self.stub.EraseSubject(request)))
        self.buried.add(person)
        affected = [k for k in self.known.values() if k.person == person and not (k.erased or k.withheld)]
        assert reply.erased_count >= len(affected)
        for known in affected:
            known.erased = True
        # A record whose answer was lost may have been erased too, or be written later and not be.
        for key in [key for key, (whose, _) in self.sent.items() if whose == person and key not in self.known]:
            del self.sent[key]

    @rule()
    def rotate(self) -> None:
        """The tenant gets a new key."""
        self.run(_of(self.stub.RotateTenantKey(pb.RotateTenantKeyRequest())))

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        """Each record is at its place, readable or erased as the caller knows it."""
        for known in self.known.values():
            place = at(known.position.index, known.position.origin)
            record = self.run(_of(self.stub.GetRecord(pb.GetRecordRequest(at=place)))).record
            assert record.position == known.position
            expected = pb.BODY_STATE_ERASED if known.erased else pb.BODY_STATE_PRESENT
            assert record.body_state == expected
            assert record.payload == (b"" if known.erased or known.withheld else known.payload)

    def teardown(self) -> None:
        """Check the stored log as a whole."""
        self.run(self.running.aclose())
        if self.known:
            check(self.database, {key: [known.position] for key, known in self.known.items()})
        self.resources.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    async def _send(self, key: str) -> None:
        person, payload = self.sent[key]
        occurred_at = instant(self.began) if key in self.late else None
        withheld = key in self.late and person in self.buried
        try:
            reply = await append(
                self.stub,
                key,
                decision_id=key,
                subject_id=person,
                payload=payload,
                content_type="a/b",
                attributes={},
                occurred_at=occurred_at,
            )
        except MeshError:
            return
        new = Known(position=reply.position, person=person, payload=payload, withheld=withheld)
        known = self.known.setdefault(key, new)
        assert known.position == reply.position


async def _of(reply: Awaitable[_T]) -> _T:
    return await reply


@pytest.mark.spec("REC-02", "REC-09", "REC-15", "T11")
def test_every_order(postgres: PostgresServer) -> None:
    """The machine finds no order that breaks a promise."""

    class Machine(Evidence):
        """The machine on this session's server."""

    Machine.postgres = postgres
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
