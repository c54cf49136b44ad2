"""A part that hangs instead of dying: the caller's time holds, and what was missed is declared."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from magistrate.common.v1.judgement_pb2 import VERDICT_ALLOW, VERDICT_CONSTRAINED_ALLOW
from magistrate.engine.v1.engine_pb2 import DecideRequest
from tests.e2e.mesh.mesh import Client, Failure, Mesh, question

LIMIT_S = 4.0


@contextmanager
def frozen(mesh: Mesh, part: str) -> Iterator[None]:
    """Let a part stand still."""
    process = mesh.stack.send(part, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.mark.spec("ENG-10", "ENG-12", "ENG-13")
async def test_without_context_the_answer_says_so(mesh: Mesh, client: Client) -> None:
    """The decision is made without a pack, and context is declared missing."""
    with frozen(mesh, "context"):
        decision = await client.decide(limit_s=LIMIT_S)

    assert "context" in {part.component for part in decision.degraded_components}
    assert not decision.context.provenance
    assert (await client.verified(decision)).verified


@pytest.mark.spec("ENG-10", "CRT-10", "ENG-13")
@pytest.mark.parametrize("judge", ["critic", "evaluator"])
async def test_without_a_judge_nothing_is_released(mesh: Mesh, client: Client, judge: str) -> None:
    """No critic or no verdict in time: never better than escalate, the answer withheld, the evidence durable."""
    with frozen(mesh, judge):
        decision = await client.decide(limit_s=LIMIT_S)

    assert decision.verdict not in {VERDICT_ALLOW, VERDICT_CONSTRAINED_ALLOW}
    assert (decision.withheld, decision.answer) == (True, "")
    assert decision.degraded_components
    assert (await client.verified(decision)).verified


@pytest.mark.spec("REC-02", "ENG-13")
async def test_without_evidence_nothing_is_released(mesh: Mesh, client: Client) -> None:
    """The caller gets a clear error within its time, and for the same request afterwards one decision."""
    request = DecideRequest(question=question(), request_id="frozen-recorder")
    with frozen(mesh, "recorder"):
        failure = await client.refused(request, limit_s=LIMIT_S)
    decision = await client.decide(request_id=request.request_id)

    assert failure == Failure(grpc.StatusCode.UNAVAILABLE, "EVIDENCE_UNAVAILABLE", ())
    assert (await client.verified(decision)).verified


@pytest.mark.spec("EDG-26")
async def test_a_frozen_gate_lets_nobody_in(mesh: Mesh, client: Client) -> None:
    """No answer of the gate is a refusal, and no model hears of the call."""
    with frozen(mesh, "gate"):
        failure = await client.refused(DecideRequest(question=question()))

    assert failure == Failure(grpc.StatusCode.UNAVAILABLE, "GATE_UNAVAILABLE", ())
    assert mesh.local.calls == 0
