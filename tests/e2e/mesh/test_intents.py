"""Intent, attempts and outcome of a decision on the whole mesh, and what is left of them when the engine is killed."""

import asyncio
import json
from collections.abc import Iterator, Sequence

import grpc
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.topology import spiffe_id
from tests.e2e.mesh.mesh import Client, Mesh, serving_mesh
from tests.fakes.mesh import until
from tests.fakes.vendors import Refusal, Silence

SETTINGS = {"MAGISTRATE_RECORDER_OUTCOME_PATIENCE_S": "1", "MAGISTRATE_RECORDER_RECONCILE_INTERVAL_S": "0.2"}
TENANT = "witnessed"


@pytest.fixture(scope="module")
def impatient() -> Iterator[Mesh]:
    """Yield a mesh whose recorder waits a second for an outcome."""
    with serving_mesh(**SETTINGS) as mesh:
        yield mesh


async def records(
    client: Client,
    *,
    decision_id: str = "",
    kind: "pb.RecordKind.ValueType" = pb.RECORD_KIND_UNSPECIFIED,
    open_intents: bool = False,
) -> Sequence[pb.Record]:
    """Return what the client's log has."""
    request = pb.ListRecordsRequest(page_size=1000, decision_id=decision_id, kind=kind, open_intents=open_intents)
    reply = await RecorderServiceStub(client.channel).ListRecords(request, **client.options)
    return list(reply.records)


def facts(record: pb.Record) -> dict[str, str]:
    """Return a record's public facts."""
    found: dict[str, str] = json.loads(record.envelope)["attributes"]
    return found


def producer(record: pb.Record) -> str:
    """Return the service that made a record, as the recorder's proxy verified it."""
    return str(json.loads(record.envelope)["producer"])


async def test_every_try_is_evidence(mesh: Mesh, client: Client) -> None:
    """A hedged decision leaves one intent; the winner, the loser and the outcome name it, and nothing is left open."""
    mesh.local.play(Silence())
    decision = await client.decide()
    told: Sequence[pb.Record] = ()

    async def all_told() -> bool:
        nonlocal told
        told = await records(client, decision_id=decision.decision_id)
        return len(told) == 5

    await until(all_told)
    by_kind = {kind: [record for record in told if record.kind == kind] for kind in {record.kind for record in told}}

    (intent,) = by_kind[pb.RECORD_KIND_INTENT]
    (outcome,) = by_kind[pb.RECORD_KIND_OUTCOME]
    attempts = by_kind[pb.RECORD_KIND_ATTEMPT]
    assert {record.intent_key for record in (outcome, *attempts)} == {intent.idempotency_key}
    assert intent.position.index < by_kind[pb.RECORD_KIND_DECISION][0].position.index
    assert facts(outcome)["outcome"] == "decided"
    ends = {facts(attempt)["provider"]: facts(attempt)["outcome"] for attempt in attempts}
    assert ends == {"local": "cancelled", "openai": "won"}
    assert await records(client, decision_id=decision.decision_id, open_intents=True) == []
    assert {producer(record) for record in attempts} == {spiffe_id("router")}
    assert {producer(record) for record in told if record not in attempts} == {spiffe_id("engine")}


@pytest.mark.spec("REC-01", "K4")
async def test_a_killed_engine_leaves_an_unknown_outcome(impatient: Mesh) -> None:
    """Killed between intent and outcome: the intent is listed as open, then closed as unknown, and its try is told."""
    impatient.calm()
    impatient.local.play(Silence())
    impatient.openai.play(Silence())
    async with impatient.client(tenant=TENANT) as client:
        asked = asyncio.create_task(client.decide())
        await impatient.local.called()
        (intent,) = await records(client, open_intents=True)
        killed = impatient.stack.send("engine")
        with pytest.raises(grpc.aio.AioRpcError):
            await asked
        await asyncio.to_thread(impatient.stack.await_replaced, "engine", killed)
        told: Sequence[pb.Record] = ()

        async def closed() -> bool:
            nonlocal told
            told = [each for each in await records(client) if each.intent_key == intent.idempotency_key]
            return {pb.RECORD_KIND_OUTCOME, pb.RECORD_KIND_ATTEMPT} <= {each.kind for each in told}

        await until(closed)
        assert await records(client, open_intents=True) == []
        impatient.calm()
        again = await client.decide()

    (outcome,) = [record for record in told if record.kind == pb.RECORD_KIND_OUTCOME]
    assert (facts(outcome), outcome.decision_id) == ({"outcome": "unknown"}, intent.decision_id)
    assert facts(intent) == {"action": "decide"}
    assert again.answer


async def test_a_call_that_fails_says_why(mesh: Mesh) -> None:
    """Where no provider answers, the intent ends as failed with the reason that the caller got."""
    mesh.local.play(Refusal(status=503))
    mesh.openai.play(Refusal(status=503))
    async with mesh.client(tenant="failing") as caller:
        with pytest.raises(grpc.aio.AioRpcError):
            await caller.decide()

        async def closed() -> bool:
            return bool(await records(caller, kind=pb.RECORD_KIND_OUTCOME))

        await until(closed)
        (outcome,) = await records(caller, kind=pb.RECORD_KIND_OUTCOME)

    assert facts(outcome) == {"outcome": "failed", "reason": "PROVIDERS_UNAVAILABLE"}
