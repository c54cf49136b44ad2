"""kill -9 of every part in mid-load: no call hangs or ends unclear, no acknowledged evidence is lost, all recovers."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.mesh.faults import assert_clear, assert_kept
from tests.e2e.mesh.load import load
from tests.e2e.mesh.mesh import Mesh, serving_mesh

BEFORE, AFTER = 15, 15
"""Answers between the start of the load, the crash and the end."""
SERVICES = ["context", "critic", "router", "evaluator", "engine", "gate", "provider-local", "provider-openai"]


@pytest.fixture(scope="module")
def broken() -> Iterator[Mesh]:
    """Yield a mesh that these tests may hurt."""
    with serving_mesh() as mesh:
        yield mesh


@pytest.mark.spec("ENG-06", "ENG-10", "ENG-42", "CRT-10")
@pytest.mark.parametrize("service", SERVICES)
async def test_a_killed_service_is_missed_openly(broken: Mesh, service: str) -> None:
    """Every call ends in a declared degraded answer or a clear error; once it is back, answers are whole again."""
    async with load(broken) as outcomes:
        await outcomes.more(BEFORE)
        killed = broken.stack.send(service)
        await asyncio.to_thread(broken.stack.await_replaced, service, killed)
        await outcomes.more(AFTER)
    async with broken.client() as client:
        last = await client.decide()

    assert_clear(outcomes)
    assert not last.degraded_components


@pytest.mark.spec("REC-02", "T11", "REC-13")
@pytest.mark.parametrize("part", ["recorder", "postgres", "publisher"])
async def test_no_acknowledged_evidence_is_lost(broken: Mesh, part: str) -> None:
    """Twice killed in mid-load: every released decision verifies at its own index, without gap or duplicate."""
    async with load(broken) as outcomes:
        for _ in range(2):
            await outcomes.more(BEFORE)
            killed = broken.stack.send(part)
            await asyncio.to_thread(broken.stack.await_replaced, part, killed)
        await outcomes.more(AFTER)

    assert_clear(outcomes)
    async with broken.client() as client:
        await assert_kept(client, outcomes)


@pytest.mark.spec("R1", "CCH-01")
async def test_without_valkey_nothing_changes(broken: Mesh) -> None:
    """What is kept there may be lost: no call fails, none is degraded."""
    async with load(broken) as outcomes:
        await outcomes.more(BEFORE)
        killed = broken.stack.send("valkey")
        await outcomes.more(BEFORE)
        await asyncio.to_thread(broken.stack.await_replaced, "valkey", killed)
        await outcomes.more(AFTER)

    assert outcomes.failures == []
    assert [list(decision.degraded_components) for decision in outcomes.decisions if decision.degraded_components] == []


async def test_a_killed_proxy_comes_back(broken: Mesh) -> None:
    """Without Envoy nobody reaches anybody: callers get a clear status, and the mesh serves as soon as it is back."""
    async with load(broken) as outcomes:
        await outcomes.more(BEFORE)
        killed = broken.stack.send("envoy")
        await asyncio.to_thread(broken.stack.await_replaced, "envoy", killed)
        await outcomes.more(AFTER)

    # gRPC itself says UNAVAILABLE to a caller whose connection broke, without details of ours.
    assert {failure.code.name for failure in outcomes.failures} <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    async with broken.client() as client:
        await assert_kept(client, outcomes)
