"""Decisions made earlier: kept as they were released, made once per request id, seen by their tenant alone."""

import asyncio
import uuid

import grpc
import pytest

from magistrate.common.v1.judgement_pb2 import VERDICT_ALLOW, VERDICT_DENY
from magistrate.engine.v1.engine_pb2 import DecideRequest, Decision, GetDecisionRequest, ListDecisionsRequest
from magistrate.recorder.v1.recorder_pb2 import GetInclusionProofRequest, GetRecordRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh, question


async def listed(client: Client, request: ListDecisionsRequest | None = None) -> list[Decision]:
    """Return all decisions that a caller may see, page by page."""
    request, found = request or ListDecisionsRequest(), list[Decision]()
    while True:
        reply = await client.engine.ListDecisions(request, **client.options)
        found.extend(reply.decisions)
        request.page_token = reply.next_page_token
        if not request.page_token:
            return found


@pytest.mark.spec("ENG-27")
async def test_a_decision_is_kept_as_it_was_released(client: Client) -> None:
    """GetDecision returns every field of the reply of Decide, but for the time that keeping it took."""
    released = await client.decide()
    reply = await client.engine.GetDecision(
        GetDecisionRequest(decision_id=released.decision_id), timeout=CALL_LIMIT_S, metadata=client.metadata
    )

    assert reply.decision == released


@pytest.mark.spec("ENG-33")
async def test_decisions_are_listed_newest_first_page_by_page(mesh: Mesh) -> None:
    """Pages of two give every decision once; a filter gives only its verdict."""
    async with mesh.client(tenant=f"list-{uuid.uuid4().hex[:8]}") as client:
        made = [(await client.decide()).decision_id for _ in range(5)]

        assert [each.decision_id for each in await listed(client, ListDecisionsRequest(page_size=2))] == made[::-1]
        assert len(await listed(client, ListDecisionsRequest(verdict=VERDICT_ALLOW))) == 5
        assert await listed(client, ListDecisionsRequest(verdict=VERDICT_DENY)) == []


@pytest.mark.spec("ENG-28")
async def test_the_same_request_id_is_decided_once(client: Client, mesh: Mesh) -> None:
    """A repeat returns the same decision and evidence, and asks no model again."""
    name = uuid.uuid4().hex
    first, second = await client.decide(request_id=name), await client.decide(request_id=name)

    assert second == first
    assert mesh.local.calls == 1


@pytest.mark.spec("ENG-28", "REC-09")
async def test_the_same_request_id_at_once_is_recorded_once(client: Client) -> None:
    """Eight at the same moment all get the one decision that was recorded."""
    name = uuid.uuid4().hex
    decisions = await asyncio.gather(*(client.decide(request_id=name) for _ in range(8)))

    assert {decision.evidence.index for decision in decisions} == {decisions[0].evidence.index}
    assert {decision.decision_id for decision in decisions} == {decisions[0].decision_id}
    assert (await client.verified(decisions[0])).verified


async def test_a_request_id_belongs_to_its_question(client: Client) -> None:
    """The same id with another question is refused, not answered with the wrong decision."""
    name = uuid.uuid4().hex
    await client.decide(request_id=name)
    failure = await client.refused(DecideRequest(question=question("Another question?"), request_id=name))

    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT")


@pytest.mark.spec("ENG-38", "EDG-02")
async def test_another_tenant_sees_nothing(mesh: Mesh) -> None:
    """Decision, record and proof of one tenant are not found by another, whose request ids and log are its own."""
    one, two = (f"iso-{uuid.uuid4().hex[:8]}" for _ in range(2))
    async with mesh.client(tenant=one) as owner, mesh.client(tenant=two) as other:
        decision = await owner.decide(request_id="shared-name")
        recorder = RecorderServiceStub(other.channel)
        calls = (
            other.engine.GetDecision(GetDecisionRequest(decision_id=decision.decision_id), **other.options),
            recorder.GetRecord(GetRecordRequest(decision_id=decision.decision_id), **other.options),
            recorder.GetInclusionProof(GetInclusionProofRequest(decision_id=decision.decision_id), **other.options),
        )
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert Failure.of(caught.value).code is grpc.StatusCode.NOT_FOUND, caught.value

        assert await listed(other) == []
        mine = await other.decide("Quite another question?", request_id="shared-name")
        assert mine.decision_id != decision.decision_id
        assert mine.evidence.origin != decision.evidence.origin
        assert mine.evidence.index == 1, "the first record of a log is the intent"
