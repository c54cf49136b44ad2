"""Providers that stall or fail: the next joins, losers are taken back, nobody is cut before the caller's time."""

import asyncio
import signal
from collections.abc import Iterator

import grpc
import pytest

from magistrate.common.v1.usage_pb2 import ATTEMPT_OUTCOME_FAILED, ATTEMPT_OUTCOME_WON
from magistrate.engine.v1.engine_pb2 import DecideRequest
from tests.e2e.mesh.load import load
from tests.e2e.mesh.mesh import EXPIRED, HEDGE_DELAY_S, Client, Failure, Mesh, question, serving_mesh
from tests.fakes.vendors import Answer, Junk, Refusal, Silence

DOWN = Refusal(status=503)
LATE = Answer(delay_s=5 * HEDGE_DELAY_S)
"""Slower than any number of hedge delays that Envoy could count."""


@pytest.mark.spec("EDG-26", "RTR-03")
async def test_a_stalled_provider_is_hedged_and_taken_back(mesh: Mesh, client: Client) -> None:
    """While the first stays silent the second is asked and wins; the first vendor sees its connection close."""
    mesh.local.play(Silence())
    decision = await client.decide()
    await mesh.local.cancelled()

    assert (decision.route.provider, decision.route.attempt_count) == ("openai", 2)
    assert [attempt.provider for attempt in decision.route.attempts] == ["local", "openai"]
    assert (mesh.local.calls, mesh.openai.calls) == (1, 1)
    assert (await client.verified(decision)).verified


@pytest.mark.spec("RTR-02")
@pytest.mark.parametrize("fault", [DOWN, Refusal(status=429, retry_after="2"), Refusal(status=400), Junk()])
async def test_a_failing_provider_is_passed(mesh: Mesh, client: Client, fault: Refusal | Junk) -> None:
    """The next one answers, and the reply names both attempts and how the first one ended."""
    mesh.local.play(fault)
    decision = await client.decide()

    assert (decision.route.provider, decision.route.attempt_count) == ("openai", 2)
    assert [attempt.outcome for attempt in decision.route.attempts] == [ATTEMPT_OUTCOME_FAILED, ATTEMPT_OUTCOME_WON]


@pytest.mark.spec("RTR-02", "ENG-44")
async def test_when_all_fail_the_caller_learns_it(mesh: Mesh, client: Client) -> None:
    """UNAVAILABLE PROVIDERS_UNAVAILABLE, and the next call is served again."""
    mesh.local.play(DOWN)
    mesh.openai.play(DOWN)
    failure = await client.refused(DecideRequest(question=question()))
    mesh.calm()

    assert failure == Failure(grpc.StatusCode.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", ())
    assert (await client.decide()).answer


@pytest.mark.spec("RTR-03", "RTR-04")
async def test_two_slow_providers_may_both_use_the_caller_s_time(mesh: Mesh, client: Client) -> None:
    """When nobody is left to join, the tries go on beyond the hedge delay until one answers."""
    mesh.local.play(LATE)
    mesh.openai.play(LATE)
    decision = await client.decide()

    assert decision.route.attempt_count == 2
    assert decision.answer


@pytest.mark.spec("RTR-04", "ENG-13")
async def test_two_stalled_providers_end_with_the_caller_s_time(mesh: Mesh, client: Client) -> None:
    """Both silent: DEADLINE_EXCEEDED when the caller's own time is over, and both vendors see their work taken back."""
    mesh.local.play(Silence())
    mesh.openai.play(Silence())
    failure = await client.refused(DecideRequest(question=question()), limit_s=10 * HEDGE_DELAY_S)
    await mesh.local.cancelled()
    await mesh.openai.cancelled()

    assert failure in EXPIRED


@pytest.fixture(scope="module")
def single() -> Iterator[Mesh]:
    """Yield a mesh with one provider only."""
    with serving_mesh("local") as mesh:
        yield mesh


@pytest.mark.spec("RTR-04")
async def test_a_single_provider_is_not_cut_at_the_hedge_delay(single: Mesh) -> None:
    """With nobody to join, the delay does not end the one try there is."""
    single.local.play(LATE)
    async with single.client() as client:
        decision = await client.decide()

    assert (decision.route.provider, decision.route.attempt_count) == ("local", 1)
    assert single.local.cancellations == 0


@pytest.mark.spec("ENG-44")
async def test_a_single_failing_provider_is_named(single: Mesh) -> None:
    """UNAVAILABLE PROVIDERS_UNAVAILABLE without a second provider, too; then the mesh serves again."""
    single.local.play(DOWN)
    async with single.client() as client:
        failure = await client.refused(DecideRequest(question=question()))
        single.calm()

        assert failure == Failure(grpc.StatusCode.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", ())
        assert (await client.decide()).answer


@pytest.mark.spec("ENG-30")
async def test_a_single_provider_is_started_again_under_load(single: Mesh) -> None:
    """SIGTERM of the only adapter there is: no call fails, and waiting for the new one is no further try."""
    single.calm()
    async with load(single) as outcomes:
        await outcomes.more(15)
        before = single.stack.send("provider-local", signal.SIGTERM)
        await asyncio.to_thread(single.stack.await_replaced, "provider-local", before)
        await outcomes.more(15)

    assert outcomes.failures == []
    assert {decision.route.attempt_count for decision in outcomes.decisions} == {1}
