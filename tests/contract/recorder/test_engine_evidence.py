"""The engine's evidence log on a real recorder: a lost answer loses no decision, and writes none twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from magistrate.common.v1.critique_pb2 import (
    EVALUATION_STATUS_EVALUATED,
    EVALUATION_STATUS_UNAVAILABLE,
    CriticEvaluation,
)
from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2 import Entry
from magistrate.recorder.v1.recorder_pb2_grpc import (
    RecorderServiceServicer,
    RecorderServiceStub,
    add_RecorderServiceServicer_to_server,
)
from services.chassis import call
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.spool import Item, Spool, frames
from services.chassis.testing import Registration, serving
from services.engine.adapters import codec, entries
from services.engine.adapters.recorder import MeshEvidenceLog
from services.engine.adapters.spooled import SpooledEvidenceLog
from services.engine.core.budget import Limits
from services.engine.core.decision import Decision, Evidence, Reviewed, Sealed
from services.engine.core.intent import Ending, Intent, Result
from services.engine.core.question import Domain, Question, TaskType
from services.engine.pipeline import Pipeline
from services.recorder.main import SERVICE
from services.recorder.servicer import RecorderServicer
from tests.contract.recorder.client import ACME, entry, recording
from tests.fakes.engine import FakeMesh
from tests.fakes.postgres import Database

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

QUESTION = Question(query="How many days of leave?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)
INTENT = Intent(key="d-1/run-1", decision_id="d-1", began=datetime(2026, 11, 20, tzinfo=UTC))
LIMIT_S = 10.0
FULL = WorldError(Kind.EXHAUSTED, "QUEUE_FULL", "the queue is full", retry_after_s=0.01)
UNCONFIRMED = unavailable("EVIDENCE_UNAVAILABLE", "not confirmed", 0.01)
GONE = unavailable("DEPENDENCY_UNAVAILABLE", "gone in the middle of a call")


def finishing(coro: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
    """Run work beside the test."""
    return asyncio.get_running_loop().create_task(coro, name=name)


class Unheard(RecorderServiceServicer):
    """A recorder that writes, and whose first answers never arrive."""

    def __init__(self, recorder: RecorderServicer, *answers: MeshError) -> None:
        self.recorder = recorder
        self.answers = list(answers)
        self.messages = 0

    def GetRecord(self, request: pb.GetRecordRequest, context: Any) -> Awaitable[pb.GetRecordResponse]:  # noqa: N802
        """Answer as the recorder does."""
        return self.recorder.GetRecord(request, context)

    def ListRecords(self, request: pb.ListRecordsRequest, context: Any) -> Awaitable[pb.ListRecordsResponse]:  # noqa: N802
        """Answer as the recorder does."""
        return self.recorder.ListRecords(request, context)

    def EraseSubject(self, request: pb.EraseSubjectRequest, context: Any) -> Awaitable[pb.EraseSubjectResponse]:  # noqa: N802
        """Answer as the recorder does."""
        return self.recorder.EraseSubject(request, context)

    async def Append(self, request: pb.AppendRequest, context: Any) -> pb.AppendResponse:  # noqa: N802
        """Record for good, then answer as told."""
        reply = await self.recorder.Append(request, context)
        if self.answers:
            raise self.answers.pop(0)
        return reply

    async def AppendStream(  # noqa: N802
        self, requests: AsyncIterator[pb.AppendStreamRequest], context: Any
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        """Record for good, then answer as told."""
        async for reply in self.recorder.AppendStream(requests, context):
            self.messages += 1
            if self.answers:
                raise self.answers.pop(0)
            yield reply


async def made() -> Decision:
    """Return a decision that is not recorded yet."""
    pipeline = Pipeline(FakeMesh().parts(), clock=SystemClock(), ids=RandomIds(), limits=Limits())
    decided = await pipeline.decide(QUESTION, decision_id="d-1", request_id="r-1", time_s=30)
    return replace(decided, evidence=None)


async def keep(database: Database, keys: Path, *answers: MeshError, times: int = 1) -> list[Evidence]:
    """Append one decision ``times`` times to a recorder that gives ``answers`` before its own."""
    decision = await made()
    async with recording(database, keys) as recorder:
        registration = Registration(
            add_RecorderServiceServicer_to_server, Unheard(recorder.servicer, *answers), SERVICE
        )
        async with serving([registration], principal=ACME) as channel:
            log = MeshEvidenceLog(channel, SystemClock(), finish=finishing)
            return [await log.append(decision, INTENT, timeout_s=LIMIT_S) for _ in range(times)]


@pytest.mark.spec("REC-02", "T11")
@pytest.mark.parametrize("lost", [FULL, UNCONFIRMED, GONE], ids=lambda error: error.reason)
async def test_a_lost_answer_is_asked_for_again(database: Database, keys: Path, lost: MeshError) -> None:
    """The second try gets the place of the first write; a third as well: there is one record."""
    places = await keep(database, keys, lost, times=2)

    assert [place.index for place in places] == [0, 0]
    assert places[0] == places[1]


async def test_it_is_asked_for_once_more_only(database: Database, keys: Path) -> None:
    """A recorder that stays in trouble is not pressed further: nothing is released."""
    with pytest.raises(WorldError, match="QUEUE_FULL"):
        await keep(database, keys, UNCONFIRMED, FULL, FULL)


async def test_a_refusal_is_final(database: Database, keys: Path) -> None:
    """What the caller must mend is not repeated."""
    conflict = CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", "recorded before with other content")

    with pytest.raises(CallerError, match="IDEMPOTENCY_CONFLICT"):
        await keep(database, keys, conflict)


@asynccontextmanager
async def spooling(
    database: Database, keys: Path, folder: Path, *answers: MeshError, tenants: tuple[str, ...] = ("acme",)
) -> AsyncIterator[tuple[SpooledEvidenceLog, Spool, "RecorderServiceAsyncStub"]]:
    """Yield the evidence log of an engine that spools, before a recorder that first gives ``answers``."""
    async with recording(database, keys) as recorder:
        servicer = Unheard(recorder.servicer, *answers)
        registration = Registration(add_RecorderServiceServicer_to_server, servicer, SERVICE)
        async with serving([registration], principal=ACME) as channel:
            log = MeshEvidenceLog(channel, SystemClock(), finish=finishing)
            async with Spool(folder, log.deliver, max_bytes=1 << 20) as spool:
                call.enter(call.Call(principal=ACME))
                yield SpooledEvidenceLog(log, spool, tenants, wait_s=5), spool, RecorderServiceStub(channel)


@pytest.mark.spec("E1", "REC-15")
async def test_a_spool_brings_nothing_back_after_an_erasure(database: Database, keys: Path, tmp_path: Path) -> None:
    """What waited while its asker was erased is recorded without content; its intent is closed, nothing is released."""
    call.enter(call.Call(principal=ACME))
    decision = await made()
    async with spooling(database, keys, tmp_path / "spool") as (log, spool, stub):
        await log.open(INTENT, timeout_s=LIMIT_S)
        for entry in (entries.decision(decision), entries.outcome(INTENT, entries.DECIDED)):
            await spool.put(Item(tenant=ACME.tenant, body=entry.SerializeToString()))
        await stub.EraseSubject(pb.EraseSubjectRequest(subject_id=ACME.subject, legal_basis="b", reference="e-1"))
        assert await spool.drain()
        with pytest.raises(MeshError) as gone:
            await log._log.recorded("d-1")  # the desk asks the log itself
        record = (await stub.GetRecord(pb.GetRecordRequest(decision_id="d-1"))).record
        still_open = (await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))).records

    assert decision.question.subject_id == ""
    assert (record.payload, list(still_open)) == (b"", [])
    assert b"e-1" in record.envelope
    assert gone.value.reason == "EVIDENCE_ERASED"


@pytest.mark.spec("REC-02", "T11")
async def test_spooled_tenant_is_released_and_recorded_later(database: Database, keys: Path, tmp_path: Path) -> None:
    """While the log does not answer the disk stands in, and says so; then there is one record, whole."""
    decision = await made()
    async with spooling(database, keys, tmp_path / "spool", UNCONFIRMED, FULL) as (log, spool, stub):
        evidence = await log.append(decision, INTENT, timeout_s=LIMIT_S)
        waited = spool.total_bytes
        assert await spool.drain()
        place = await log.append(decision, INTENT, timeout_s=LIMIT_S)
        record = (await stub.GetRecord(pb.GetRecordRequest(decision_id="d-1"))).record
        listed = (await stub.ListRecords(pb.ListRecordsRequest())).records

    assert (evidence.pending, waited > 0, spool.total_bytes) == (True, True, 0)
    assert (place.pending, place.index, len(listed)) == (False, 0, 2)
    assert Entry.FromString(entries.decision(decision).SerializeToString()).payload == record.payload


async def test_spooled_tenant_waits_for_no_log_before_the_call(database: Database, keys: Path, tmp_path: Path) -> None:
    """Its intent is durable on this disk at once, and follows into the log; closed before it came, it stays closed."""
    async with spooling(database, keys, tmp_path / "spool", GONE) as (log, spool, stub):
        place = await log.open(INTENT, timeout_s=LIMIT_S)
        waited = spool.total_bytes
        await log.append(await made(), INTENT, timeout_s=LIMIT_S)
        assert await spool.drain()
        records = (await stub.ListRecords(pb.ListRecordsRequest())).records
        left = (await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))).records

    assert (place.pending, waited > 0) == (True, True)
    assert INTENT.key in {record.idempotency_key for record in records}
    assert list(left) == []


@pytest.mark.spec("REC-02", "REC-03")
@pytest.mark.parametrize("lost", [(), (GONE,)], ids=len)
async def test_what_waited_is_recorded_in_its_order(
    database: Database, keys: Path, tmp_path: Path, lost: tuple[MeshError, ...]
) -> None:
    """Fifty records are one message, a lost answer makes none of them twice, and what is never taken is put aside."""
    given = [entry(f"key-{number:03}", decision_id="x" * 129 if number == 30 else "d") for number in range(101)]
    async with recording(database, keys) as recorder:
        servicer = Unheard(recorder.servicer, *lost)
        registration = Registration(add_RecorderServiceServicer_to_server, servicer, SERVICE)
        async with serving([registration], principal=ACME) as channel:
            log = MeshEvidenceLog(channel, SystemClock(), finish=finishing)
            async with Spool(tmp_path / "spool", log.deliver, max_bytes=1 << 20) as spool:
                for each in given:
                    await spool.put(Item(tenant="acme", body=each.SerializeToString()))
                while not await spool.drain():
                    pass
            listed = await RecorderServiceStub(channel).ListRecords(pb.ListRecordsRequest(page_size=1000))

    refused = [Entry.FromString(each.body) for each in frames.read((tmp_path / "spool" / "refused").read_bytes())]
    assert [each.idempotency_key for each in refused] == ["key-030"]
    assert [each.idempotency_key for each in listed.records] == [e.idempotency_key for e in given if e not in refused]
    assert servicer.messages == 3 + len(lost)


@pytest.mark.spec("REC-02")
async def test_strict_tenant_waits_for_the_log(database: Database, keys: Path, tmp_path: Path) -> None:
    """Without the policy nothing is released before the log has it, and nothing is left on the disk."""
    async with spooling(database, keys, tmp_path / "spool", UNCONFIRMED, FULL, tenants=("other",)) as (log, spool, _):
        with pytest.raises(WorldError, match="QUEUE_FULL"):
            await log.append(await made(), INTENT, timeout_s=LIMIT_S)
        assert spool.total_bytes == 0


async def test_refusals_are_not_spooled_away(database: Database, keys: Path, tmp_path: Path) -> None:
    """What the log refuses for good is an error for a spooled tenant too."""
    conflict = CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", "recorded before with other content")
    async with spooling(database, keys, tmp_path / "spool", conflict) as (log, spool, _):
        with pytest.raises(CallerError, match="IDEMPOTENCY_CONFLICT"):
            await log.append(await made(), INTENT, timeout_s=LIMIT_S)
        assert spool.total_bytes == 0


@pytest.mark.spec("REC-10")
async def test_decisions_are_found_by_what_critics_found() -> None:
    """The record's attributes name each critic that objected or could not judge, and nothing of those at ease."""
    decision = await made()
    reviewed = Reviewed(
        evaluations=(
            Sealed(CriticEvaluation(critic="rights", status=EVALUATION_STATUS_EVALUATED, severity_0_3=2.5)),
            Sealed(CriticEvaluation(critic="truth", status=EVALUATION_STATUS_EVALUATED)),
            Sealed(CriticEvaluation(critic="risk", status=EVALUATION_STATUS_UNAVAILABLE)),
        )
    )

    attributes = entries.decision(replace(decision, reviewed=reviewed)).attributes

    assert (attributes["verdict"], attributes["model"]) == ("allow", "tiny")
    assert {name: value for name, value in attributes.items() if name.startswith("critic.")} == {
        "critic.rights": "2",
        "critic.risk": "unavailable",
    }


@pytest.mark.spec("REC-17")
async def test_evidence_of_a_decision_has_no_credentials() -> None:
    """A key that somebody pasted into a question, or that a model answered with, is in no text of the record."""
    secret = "sk-ant-0123456789abcdefghij"
    decision = await made()
    asked = replace(decision.question, query=f"is {secret} valid?")
    entry = entries.decision(
        replace(decision, question=asked, generated=replace(decision.generated, text=f"yes, {secret}"))
    )

    assert secret.encode() not in entry.SerializeToString()
    kept = codec.decode(entry.payload)
    assert (kept.question.query, kept.answer) == ("is [redacted] valid?", "yes, [redacted]")


@pytest.mark.spec("REC-01")
async def test_intent_attempt_and_outcome_name_each_other(database: Database, keys: Path) -> None:
    """The intent is open from before the decision until the record of the decision, which closes it in one breath."""
    async with recording(database, keys) as recorder:
        registration = Registration(add_RecorderServiceServicer_to_server, recorder.servicer, SERVICE)
        async with serving([registration], principal=ACME) as channel:
            log, stub = MeshEvidenceLog(channel, SystemClock(), finish=finishing), RecorderServiceStub(channel)
            await log.open(INTENT, timeout_s=LIMIT_S)
            opened = (await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))).records
            await log.append(await made(), INTENT, timeout_s=LIMIT_S)
            left = (await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))).records
            records = (await stub.ListRecords(pb.ListRecordsRequest(decision_id="d-1"))).records

    assert ([record.idempotency_key for record in opened], list(left)) == ([INTENT.key], [])
    told = [(pb.RecordKind.Name(record.kind).removeprefix("RECORD_KIND_"), record.intent_key) for record in records]
    assert told == [("INTENT", ""), ("DECISION", ""), ("OUTCOME", INTENT.key)]


@pytest.mark.parametrize("lost", [(), (UNCONFIRMED,), (UNCONFIRMED, FULL)], ids=len)
async def test_a_failure_closes_its_intent(database: Database, keys: Path, lost: tuple[MeshError, ...]) -> None:
    """How a call ended is recorded beside it, however often the recorder is away, and the first word stands."""
    ended = Ending(result=Result.FAILED, reason="PROVIDERS_UNAVAILABLE")
    tasks = list[asyncio.Task[None]]()
    async with recording(database, keys) as recorder:
        servicer = Unheard(recorder.servicer, *lost)
        async with serving(
            [Registration(add_RecorderServiceServicer_to_server, servicer, SERVICE)], principal=ACME
        ) as channel:
            log = MeshEvidenceLog(
                channel, SystemClock(), finish=lambda coro, *, name: tasks.append(finishing(coro, name=name))
            )
            for how in (ended, Ending(result=Result.CANCELLED)):
                log.close(INTENT, how)
                await tasks.pop()
            records = (await RecorderServiceStub(channel).ListRecords(pb.ListRecordsRequest())).records

    (outcome,) = records
    assert outcome.intent_key == INTENT.key
    assert json.loads(outcome.envelope)["attributes"] == {"outcome": "failed", "reason": "PROVIDERS_UNAVAILABLE"}
