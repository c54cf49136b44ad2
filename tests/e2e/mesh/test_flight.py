"""Calls in flight on the whole mesh: providers killed, stopped, stalled; streams taken up again; every try booked."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.common.v1.usage_pb2 import ATTEMPT_OUTCOME_FAILED, ATTEMPT_OUTCOME_WON
from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, QUERY, Failure, Mesh, serving_mesh
from tests.fakes.mesh import until
from tests.fakes.vendors import WORDS, Answer, Refusal, Silence

WHOLE = "".join(WORDS)
OLD = ("Not", " this", " one", ".")
SAMPLES = 20
"""Answers after which the router trusts what it measured."""
DELAY_S = 1.0
"""Hedge delay until enough is measured: well above eight medians, also on a busy machine."""
UNMEASURED_S = 10.0
SETTINGS = {
    "MAGISTRATE_ROUTER_HEDGE_DELAY_S": str(DELAY_S),
    "MAGISTRATE_ROUTER_MIN_HEDGE_DELAY_S": "0.05",
    "MAGISTRATE_ROUTER_STREAM_IDLE_S": "3",
    "MAGISTRATE_ROUTER_BREAKER_RECOVERY_S": "5",
}
BACK_S = 60.0
"""Longer than a provider that was hurt stays out of the order, by breaker and by ejection."""


@pytest.fixture(scope="module")
def _mesh() -> Iterator[Mesh]:
    with serving_mesh(**SETTINGS) as mesh:
        yield mesh


@pytest.fixture
async def flying(_mesh: Mesh) -> Mesh:
    """Return a mesh whose providers may be hurt; the first answers again, its vendors at once."""
    _mesh.calm()
    async with router(_mesh, "before") as asked:

        async def back() -> bool:
            return (await asked.generate()).route.provider == "local"

        await until(back, BACK_S)
    _mesh.calm()
    return _mesh


@dataclass(slots=True)
class Streamed:
    """What a reader of a stream got."""

    text: str = ""
    discards: list[pb.Discard] = field(default_factory=list)
    last: pb.GenerateStreamResponse | None = None


class Router:
    """The router as the engine reaches it, for one tenant."""

    def __init__(self, channel: grpc.aio.Channel, tenant: str) -> None:
        self.stub = RouterServiceStub(channel)
        self.metadata = (("x-magistrate-tenant", tenant), ("x-magistrate-subject", "ada"))

    async def generate(self, timeout_s: float = CALL_LIMIT_S) -> pb.GenerateResponse:
        """Ask for an answer in one piece."""
        request = pb.GenerateRequest(routing=routing())
        reply: pb.GenerateResponse = await self.stub.Generate(request, timeout=timeout_s, metadata=self.metadata)
        return reply

    def stream(self, **fields: Any) -> Any:
        """Begin a stream."""
        request = pb.GenerateStreamRequest(routing=routing(**fields))
        return self.stub.GenerateStream(request, timeout=CALL_LIMIT_S, metadata=self.metadata)

    async def booked(self, tries: int) -> dict[str, int]:
        """Return the booked tries by provider, once there are so many."""

        async def all_there() -> bool:
            return sum((await self._tries()).values()) >= tries

        await until(all_there)
        return await self._tries()

    async def _tries(self) -> dict[str, int]:
        request = pb.GetCostSummaryRequest()
        summary = await self.stub.GetCostSummary(request, timeout=CALL_LIMIT_S, metadata=self.metadata)
        return {cost.provider: cost.attempts for cost in summary.by_model}


@asynccontextmanager
async def router(mesh: Mesh, tenant: str) -> AsyncIterator[Router]:
    """Yield the router, reached from the engine's own way out."""
    path = mesh.stack.root / "run" / "engine-egress.sock"
    async with grpc.aio.insecure_channel(f"unix:{path}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield Router(channel, tenant)


def routing(**fields: Any) -> pb.RoutingRequest:
    """Return a good request, some of its fields changed."""
    return pb.RoutingRequest(query=QUERY, domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, **fields)


def take(got: Streamed, message: pb.GenerateStreamResponse) -> None:
    """Read one message by the protocol: a discard voids what came before."""
    if message.HasField("discard"):
        assert message.discard.characters == len(got.text)
        got.discards.append(message.discard)
        got.text = ""
    elif message.HasField("route"):
        got.last = message
    else:
        got.text += message.text


async def read(stream: Any, got: Streamed) -> Streamed:
    """Read the rest of a stream."""
    async for message in stream:
        take(got, message)
    return got


@pytest.mark.spec("PRV-13", "RTR-02", "EDG-26")
@pytest.mark.parametrize("recovery", [pb.STREAM_RECOVERY_RESTART, pb.STREAM_RECOVERY_CONTINUE])
async def test_a_provider_killed_in_mid_stream_is_followed_by_the_next(flying: Mesh, recovery: int) -> None:
    """The reader has one whole answer, the route tells the broken leg, and each vendor's call is booked once."""
    flying.local.play(Answer(words=OLD, stall_after=2))
    before = flying.stack.process("provider-local")
    async with router(flying, f"killed-{recovery}") as asked:
        stream = aiter(asked.stream(stream_recovery=recovery))
        got = Streamed()
        take(got, await anext(stream))
        flying.stack.send("provider-local", signal.SIGKILL)
        await read(stream, got)
        booked = await asked.booked(2)
    flying.stack.await_replaced("provider-local", before)

    assert got.text == WHOLE
    assert [(discard.provider, discard.reason) for discard in got.discards] == [("local", "STREAM_BROKEN")]
    assert got.last is not None
    route = got.last.route
    assert (route.provider, route.recoveries, route.attempt_count) == ("openai", 1, 2)
    assert [(one.provider, one.outcome) for one in route.attempts] == [
        ("local", ATTEMPT_OUTCOME_FAILED),
        ("openai", ATTEMPT_OUTCOME_WON),
    ]
    assert booked == {"local": flying.local.calls, "openai": flying.openai.calls} == {"local": 1, "openai": 1}


@pytest.mark.spec("PRV-13")
async def test_a_caller_that_wants_the_partial_keeps_it(flying: Mesh) -> None:
    """STREAM_BROKEN after the kill, and nobody else is asked."""
    flying.local.play(Answer(words=OLD, stall_after=2))
    before = flying.stack.process("provider-local")
    async with router(flying, "kept") as asked:
        stream = aiter(asked.stream(stream_recovery=pb.STREAM_RECOVERY_FAIL))
        got = Streamed()
        take(got, await anext(stream))
        flying.stack.send("provider-local", signal.SIGKILL)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read(stream, got)
    flying.stack.await_replaced("provider-local", before)

    assert Failure.of(caught.value) == Failure(grpc.StatusCode.UNAVAILABLE, "STREAM_BROKEN", ())
    assert got.text
    assert "".join(OLD).startswith(got.text)
    assert flying.openai.calls == 0


@pytest.mark.spec("PRV-13", "PRV-20", "RTR-05")
@pytest.mark.parametrize("fault", [Answer(words=OLD, stall_after=2), Answer(words=OLD, error_after=2)])
async def test_a_stream_that_stalls_or_fails_under_way_is_taken_up_again(flying: Mesh, fault: Answer) -> None:
    """The router cuts a silent stream itself; the vendor sees it, and both calls are booked once."""
    flying.local.play(fault)
    async with router(flying, f"under-way-{fault.stall_after}") as asked:
        got = await read(asked.stream(), Streamed())
        booked = await asked.booked(2)
    if fault.stall_after:
        await flying.local.cancelled()

    assert got.text == WHOLE
    assert got.last is not None
    assert [one.outcome for one in got.last.route.attempts] == [ATTEMPT_OUTCOME_FAILED, ATTEMPT_OUTCOME_WON]
    assert booked == {"local": 1, "openai": 1}
    assert (flying.local.calls, flying.openai.calls) == (1, 1)


@pytest.mark.spec("RTR-03", "EDG-26")
async def test_a_stopped_provider_process_is_hedged(flying: Mesh) -> None:
    """It takes the call and never works on it; the next answers."""
    async with router(flying, "stopped") as asked:
        process = flying.stack.send("provider-local", signal.SIGSTOP)
        try:
            reply = await asked.generate()
        finally:
            os.kill(process.pid, signal.SIGCONT)

    assert (reply.text, reply.route.provider) == (WHOLE, "openai")


@pytest.mark.spec("RTR-04", "T17", "PRV-20")
async def test_when_all_stall_the_time_ends_the_call_and_every_try_is_booked(flying: Mesh) -> None:
    """DEADLINE_EXCEEDED; both vendors see their work taken back, and the ledger has what they were asked."""
    flying.local.play(Silence())
    flying.openai.play(Silence())
    async with router(flying, "stalled") as asked:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asked.generate(timeout_s=5 * DELAY_S)
        await flying.local.cancelled()
        await flying.openai.cancelled()
        booked = await asked.booked(2)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert booked == {"local": flying.local.calls, "openai": flying.openai.calls} == {"local": 1, "openai": 1}


@pytest.mark.spec("RTR-02")
async def test_when_all_push_back_the_caller_learns_it(flying: Mesh) -> None:
    """429 from both: a rate limit stays a rate limit, and speaks against no provider."""
    for vendor in (flying.local, flying.openai):
        vendor.play(Refusal(status=429, retry_after="7"))
    async with router(flying, "pushed-back") as asked:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asked.generate()

    assert Failure.of(caught.value).reason == "PROVIDER_RATE_LIMITED"


@pytest.mark.spec("RTR-03", "EDG-26")
async def test_a_stall_is_hedged_after_the_measured_delay() -> None:
    """Once enough answers are known their own percentile replaces the configured delay; no other test has been here."""
    with serving_mesh(**SETTINGS | {"MAGISTRATE_ROUTER_HEDGE_DELAY_S": str(UNMEASURED_S)}) as fresh:
        async with router(fresh, "measured") as asked:
            for _ in range(SAMPLES):
                await asked.generate()
            fresh.local.play(Silence())
            reply = await asked.generate()
            await fresh.local.cancelled()

    assert reply.route.hedge_delay.ToTimedelta().total_seconds() < UNMEASURED_S
    assert (reply.route.provider, reply.route.attempt_count) == ("openai", 2)


@pytest.mark.spec("RTR-17", "PRV-17")
async def test_a_provider_that_failed_five_times_is_not_asked(flying: Mesh) -> None:
    """The order of the sixth plan begins with the next, and the vendor hears nothing."""
    flying.local.play(Refusal(status=503))
    async with router(flying, "broken") as asked:

        async def rests() -> bool:
            return list((await asked.generate()).route.provider_order) == ["openai"]

        await until(rests)
        before = flying.local.calls
        reply = await asked.generate()

    assert list(reply.route.provider_order) == ["openai"]
    assert flying.local.calls == before
