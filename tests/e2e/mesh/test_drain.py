"""What changes on purpose while calls are in flight fails none of them: a service ends, certificates are replaced."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.mesh.faults import assert_clear, assert_kept
from tests.e2e.mesh.load import load
from tests.e2e.mesh.mesh import Mesh, serving_mesh
from tests.fakes.vendors import Answer

SERVICES = [
    "recorder",
    "context",
    "critic",
    "router",
    "evaluator",
    "engine",
    "gate",
    "provider-local",
    "provider-openai",
]
BEFORE, AFTER = 15, 15
LOOKS, BETWEEN_LOOKS_S = 600, 0.1
LONG_S = 2.0
"""Longer than a service takes to hear of its end and to stop taking calls."""


@pytest.fixture(scope="module")
def _mesh() -> Iterator[Mesh]:
    with serving_mesh() as mesh:
        yield mesh


@pytest.fixture
async def changing(_mesh: Mesh) -> Mesh:
    """Return a mesh whose services may be restarted, both providers in order: an ejected one needs a while."""
    _mesh.calm()
    async with _mesh.client() as client:
        for _ in range(LOOKS):
            if (await client.decide()).route.provider == "local":
                return _mesh
            await asyncio.sleep(BETWEEN_LOOKS_S)
    raise AssertionError("the first provider does not come back")


@pytest.mark.spec("ENG-30", "REC-04")
@pytest.mark.parametrize("service", SERVICES)
async def test_sigterm_under_load_fails_no_call(changing: Mesh, service: str) -> None:
    """Calls in flight are finished, calls that come while the service is started again wait for it."""
    async with load(changing) as outcomes:
        await outcomes.more(BEFORE)
        before = changing.stack.send(service, signal.SIGTERM)
        await asyncio.to_thread(changing.stack.await_replaced, service, before)
        await outcomes.more(AFTER)

    assert outcomes.failures == []
    assert_clear(outcomes)


@pytest.mark.spec("ENG-30")
async def test_long_calls_outlive_the_services_they_run_in(changing: Mesh) -> None:
    """Calls that wait for a slow model are finished by processes that were told to end meanwhile."""
    changing.local.play(Answer(delay_s=LONG_S))
    changing.openai.play(Answer(delay_s=LONG_S))
    async with changing.client() as client:
        waiting = [asyncio.create_task(client.decide()) for _ in range(8)]
        await changing.local.called(8)
        before = {name: changing.stack.send(name, signal.SIGTERM) for name in ("engine", "router", "provider-local")}
        decisions = await asyncio.gather(*waiting)
        changing.calm()
        for name, process in before.items():
            await asyncio.to_thread(changing.stack.await_replaced, name, process)
        for decision in decisions:
            assert (await client.verified(decision)).verified


@pytest.mark.spec("ENG-30", "REC-04", "REC-02")
async def test_evidence_of_decisions_in_flight_is_kept(changing: Mesh) -> None:
    """The recorder and the engine end together under load: what was released verifies."""
    async with load(changing) as outcomes:
        await outcomes.more(BEFORE)
        before = {name: changing.stack.send(name, signal.SIGTERM) for name in ("recorder", "engine")}
        for name, process in before.items():
            await asyncio.to_thread(changing.stack.await_replaced, name, process)
        await outcomes.more(AFTER)

    assert_clear(outcomes)
    async with changing.client() as client:
        await assert_kept(client, outcomes)


@pytest.mark.spec("EDG-32", "OPS-23", "EDG-01")
async def test_certificates_are_replaced_under_load(changing: Mesh) -> None:
    """Three rotations of every leaf: no call fails, none is degraded, and a new connection is served, too."""
    async with load(changing) as outcomes:
        for _ in range(3):
            await outcomes.more(BEFORE)
            rotated = await asyncio.to_thread(changing.stack.run, "certs", "rotate")
            assert rotated.returncode == 0, rotated.stderr
            async with changing.client() as client:
                await client.decide()
        await outcomes.more(AFTER)

    assert outcomes.failures == []
    assert [list(decision.degraded_components) for decision in outcomes.decisions if decision.degraded_components] == []
