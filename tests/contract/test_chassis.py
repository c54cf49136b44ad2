"""The chassis on the wire: a real server on a unix socket, the full chain, a channel that raises what was raised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, NoReturn

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from services.chassis import call, metrics, status
from services.chassis.call import Call, Principal
from services.chassis.client import NoDeadlineError, exchange
from services.chassis.errors import CALLER_KINDS, CallerError, Kind, MeshError, Violation, WorldError, invalid, of_kind
from services.chassis.handlers import MAX_MESSAGE_BYTES
from services.chassis.testing import TESTER, serving
from tests.fakes.echo import PARSE, SERVICE, Echo, EchoStub, each, registrations, says

TRACE = "0af7651916cd43dd8448eb211c80319c"
NOT_UTF8 = b"\x0a\x02\xff\xff"
FIVE_MIB = says("x" * (5 * 1024 * 1024))
FOREVER_S = 60.0


@asynccontextmanager
async def echo(servicer: Echo | None = None, **options: Any) -> AsyncIterator[tuple[EchoStub, Any]]:
    """Serve an Echo; yield its stub and the channel."""
    async with serving(registrations(servicer or Echo()), **options) as channel:
        yield EchoStub(channel), channel


def raises(error: BaseException) -> Any:
    """Return an act that raises ``error``."""

    def act() -> NoReturn:
        raise error

    return act


async def failure(awaitable: Any) -> MeshError:
    """Return the MeshError with which ``awaitable`` ends."""
    with pytest.raises(MeshError) as caught:
        await awaitable
    return caught.value


async def read(stream: Any, into: list[str]) -> None:
    """Read a stream, keeping what comes before a failure."""
    async for message in stream:
        into.append(message.value)  # noqa: PERF401 - a comprehension would lose what came before


async def drain(stream: Any) -> list[str]:
    """Return every text of a stream."""
    return [message.value async for message in stream]


async def test_four_shapes_pass_the_chain() -> None:
    """Unary and streams in both directions carry their messages in order."""
    async with echo() as (stub, _):
        assert (await stub.unary(says("a"))).value == "a"
        assert await drain(stub.stream(says("a b c"))) == ["a", "b", "c"]
        assert (await stub.collect(each("a", "b"))).value == "a b"
        assert await drain(stub.converse(each("a", "b"))) == ["a", "b"]


async def test_a_conversation_by_hand() -> None:
    """A stream can be written and read message by message."""
    async with echo() as (stub, _):
        stream = stub.converse()
        await stream.write(says("a"))
        assert (await stream.read()).value == "a"
        await stream.write(says("b"))
        assert (await stream.read()).value == "b"
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("shape", ["unary", "stream", "collect", "converse"])
async def test_the_client_raises_what_the_server_raised(kind: Kind, shape: str) -> None:
    """Every kind crosses the wire with all its parts, whatever the shape of the method."""
    violation = Violation(field="a", problem="b")
    raised = of_kind(kind)(
        kind, "QUEUE_FULL", "sentence", metadata={"k": "v"}, violations=[violation], retry_after_s=2.5
    )
    async with echo(Echo(acts={"go": raises(raised)})) as (stub, _):
        method = getattr(stub, shape)
        answer = method(each("go") if shape in {"collect", "converse"} else says("go"))
        error = await failure(answer if shape in {"unary", "collect"} else drain(answer))

    assert type(error) is (CallerError if kind in CALLER_KINDS else WorldError)
    assert (error.kind, error.reason, error.message) == (kind, "QUEUE_FULL", "sentence")
    assert (dict(error.metadata), error.violations, error.retry_after_s) == ({"k": "v"}, (violation,), 2.5)


async def test_an_unforeseen_exception_tells_nothing_but_where_to_look() -> None:
    """The wire gets one fixed sentence and the request id; the log has the exception."""
    with capture_logs() as lines:
        async with echo(Echo(acts={"go": raises(ValueError("the secret"))})) as (stub, _):
            error = await failure(stub.unary(says("go"), metadata=[("x-request-id", "r-9")]))

    assert (error.kind, error.reason, error.message) == (Kind.INTERNAL, "INTERNAL", status.UNEXPECTED)
    assert error.metadata == {"request_id": "r-9"}
    (line,) = [line for line in lines if line["event"] == "rpc"]
    assert (line["log_level"], line["code"]) == ("error", "INTERNAL")
    assert isinstance(line["exc_info"], ValueError)


async def test_a_task_groups_foreseen_error_is_the_answer() -> None:
    """Work in parallel that fails as foreseen answers with that error, not with INTERNAL."""
    foreseen = invalid("top_k", "must be positive")
    async with echo(
        Echo(
            acts={
                "known": raises(ExceptionGroup("a", [ExceptionGroup("b", [foreseen])])),
                "mixed": raises(ExceptionGroup("a", [foreseen, KeyError("x")])),
            }
        )
    ) as (stub, _):
        assert (await failure(stub.unary(says("known")))).reason == "FIELD_OUT_OF_RANGE"
        assert (await failure(stub.unary(says("mixed")))).kind is Kind.INTERNAL


@pytest.mark.parametrize("shape", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
async def test_bytes_that_are_no_message_are_the_callers_fault(shape: str) -> None:
    """A text that is not UTF-8 gets INVALID_ARGUMENT, where gRPC itself would answer INTERNAL."""
    names = {"unary_unary": "Unary", "unary_stream": "Stream", "stream_unary": "Collect", "stream_stream": "Converse"}

    async def raw() -> AsyncIterator[bytes]:
        yield NOT_UTF8

    async with echo() as (_, channel):
        method = getattr(channel, shape)(f"/{SERVICE}/{names[shape]}", bytes, PARSE)
        answer = method(raw() if shape.startswith("stream") else NOT_UTF8)
        error = await failure(answer if shape.endswith("unary") else drain(answer))

    assert (error.kind, error.reason) == (Kind.INVALID, "MESSAGE_MALFORMED")


async def test_five_mebibytes_are_refused_with_the_limit() -> None:
    """A message above 4 MiB is refused with both sizes; the call after it is served."""
    async with echo() as (stub, _):
        error = await failure(stub.unary(FIVE_MIB))
        after = await stub.unary(says("still here"))

    assert (error.kind, error.reason) == (Kind.EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert error.metadata == {"limit": str(MAX_MESSAGE_BYTES), "actual": str(FIVE_MIB.ByteSize())}
    assert after.value == "still here"


async def test_an_unknown_method_is_named_as_such() -> None:
    """A path that nobody serves is METHOD_UNKNOWN, and does not become a label of a metric."""
    async with echo() as (_, channel):
        error = await failure(channel.unary_unary(f"/{SERVICE}/Nope", bytes, bytes)(b""))

    assert (error.kind, error.reason) == (Kind.UNIMPLEMENTED, "METHOD_UNKNOWN")
    assert b"Nope" not in metrics.exposition()


async def test_a_pending_method_says_what_is_missing() -> None:
    """A method without logic yet is refused before its servicer sees it."""
    servicer = Echo()
    path = f"/{SERVICE}/Unary"
    async with echo(servicer, pending={path: "needs the planner"}) as (stub, _):
        error = await failure(stub.unary(says("a")))

    assert (error.kind, error.reason) == (Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED")
    assert error.metadata == {"method": path, "note": "needs the planner"}
    assert servicer.seen == []


async def test_who_asks_reaches_the_servicer() -> None:
    """Principal and deadline of the caller are the current call of the servicer."""
    servicer = Echo()
    ada = Principal(tenant="acme", subject="ada", roles=("admin", "reviewer"))
    async with echo(servicer, principal=ada) as (stub, _):
        await stub.unary(says("a"), timeout=FOREVER_S)

    assert servicer.seen[0].principal == ada
    assert servicer.seen[0].request_id
    assert servicer.seen[0].deadline is not None


async def test_a_hop_carries_ids_principal_and_less_time() -> None:
    """What a service calls while it serves has the same ids and principal, and no later deadline."""
    far, near = Echo(), Echo()
    async with echo(far) as (far_stub, _):
        near.acts["go"] = lambda: far_stub.unary(says("on"), timeout=FOREVER_S)
        async with echo(near) as (near_stub, _):
            sent = [("x-request-id", "r-7"), ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]
            await near_stub.unary(says("go"), timeout=5.0, metadata=sent)
    first, second = near.seen[0], far.seen[0]

    assert (second.request_id, second.trace_id, second.principal) == ("r-7", TRACE, TESTER)
    assert first.deadline is not None
    assert second.deadline is not None
    assert second.deadline <= first.deadline + 0.1


async def test_no_call_without_a_deadline() -> None:
    """Where neither the caller nor an incoming call sets a deadline, the call is not made."""
    servicer = Echo()
    async with echo(servicer, timeout_s=None) as (stub, _):
        with pytest.raises(NoDeadlineError):
            await stub.unary(says("a"))
        with pytest.raises(NoDeadlineError):
            stub.stream(says("a"))

    assert servicer.seen == []


async def test_serving_a_call_without_a_deadline_bounds_what_it_calls() -> None:
    """Where a caller set no deadline, the servicer sees none, and still no call goes out without one."""
    far = Echo()
    async with echo(far, timeout_s=None) as (stub, _):
        call.enter(Call(request_id="r-1"))
        await stub.unary(says("a"))

    assert far.seen[0].deadline is not None


async def test_a_servicers_own_timeout_at_the_deadline_is_the_deadline() -> None:
    """Work that a servicer bounds by the call's remaining time ends as DEADLINE_EXPIRED; another timeout is a fault."""

    async def bounded(seconds: float | None) -> None:
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()

    acts: dict[str, Any] = {"own": lambda: bounded(call.remaining_s()), "other": lambda: bounded(0.0)}
    async with echo(Echo(acts=acts)) as (stub, _):
        own = await failure(stub.unary(says("own"), timeout=0.1))
        other = await failure(stub.unary(says("other")))

    assert (own.reason, other.reason) == ("DEADLINE_EXPIRED", "INTERNAL")


async def test_an_expired_deadline_costs_no_call() -> None:
    """A service whose time is over does not bother the next."""
    servicer = Echo()
    async with echo(servicer) as (stub, _):
        call.enter(Call(deadline=0.0))
        error = await failure(stub.unary(says("a"), timeout=FOREVER_S))

    assert (error.kind, error.reason) == (Kind.DEADLINE, "DEADLINE_EXPIRED")
    assert servicer.seen == []


@pytest.mark.parametrize("shape", ["unary", "stream"])
async def test_a_passing_deadline_ends_both_sides(shape: str) -> None:
    """The caller gets DEADLINE_EXPIRED, and the servicer is cancelled."""
    servicer = Echo(acts={"wait": asyncio.Event().wait})
    async with echo(servicer) as (stub, _):
        answer = getattr(stub, shape)(says("wait"), timeout=1.0)
        error = await failure(answer if shape == "unary" else drain(answer))
        await servicer.cancelled.wait()

    assert (error.kind, error.reason) == (Kind.DEADLINE, "DEADLINE_EXPIRED")


async def test_cancelling_the_caller_cancels_the_servicer() -> None:
    """A caller that goes away takes its work with it, and nothing turns the cancellation into an error."""
    servicer = Echo(acts={"wait": asyncio.Event().wait})
    with capture_logs() as lines:
        async with echo(servicer) as (stub, _):
            caller = asyncio.ensure_future(stub.unary(says("wait")))
            await servicer.started.wait()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            await servicer.cancelled.wait()

    assert [line["code"] for line in lines if line["event"] == "rpc"] == ["CANCELLED"]


async def test_leaving_a_stream_early_cancels_the_servicer() -> None:
    """Whoever has read enough closes the stream, and the server stops producing."""
    reached = asyncio.Event()

    async def wait() -> None:
        reached.set()
        await asyncio.Event().wait()

    servicer = Echo(acts={"wait": wait})
    async with echo(servicer) as (stub, _):
        async with aclosing(stub.stream(says("a wait"))) as stream:
            assert (await anext(stream)).value == "a"
            await reached.wait()
        await servicer.cancelled.wait()


async def test_a_stream_that_breaks_keeps_what_came_before() -> None:
    """Messages before a failure arrive; the failure then has its reason."""
    servicer = Echo(acts={"bad": raises(invalid("word", "is bad"))})
    got: list[str] = []
    async with echo(servicer) as (stub, _):
        error = await failure(read(stub.stream(says("a b bad c")), got))

    assert (got, error.reason) == (["a", "b"], "FIELD_OUT_OF_RANGE")


async def test_writing_into_a_refused_stream_raises_the_refusal() -> None:
    """A writer learns why the server ended the call, not only that it did."""
    async with echo(Echo(acts={"bad": raises(invalid("word", "is bad"))})) as (stub, _):
        stream = stub.converse()
        await stream.write(says("bad"))
        await failure(stream.read())
        error = await failure(stream.write(says("a")))

    assert error.reason == "FIELD_OUT_OF_RANGE"


@pytest.mark.parametrize("shape", ["collect", "converse"])
async def test_a_callers_own_broken_stream_is_not_a_cancellation(shape: str) -> None:
    """What the caller's generator raises comes back; gRPC alone would pretend that the task was cancelled."""

    async def broken() -> AsyncIterator[Any]:
        yield says("a")
        raise KeyError("mine")

    async with echo() as (stub, _):
        answer = getattr(stub, shape)(broken())
        with pytest.raises(KeyError, match="mine"):
            await (answer if shape == "collect" else drain(answer))


async def test_taking_back_a_stream_elsewhere_is_not_the_readers_cancellation() -> None:
    """A reader whose stream another task cancels gets CANCELLED as an error and lives on."""
    servicer = Echo(acts={"wait": asyncio.Event().wait})
    async with echo(servicer) as (stub, _):
        stream = stub.stream(says("wait"))
        reader = asyncio.ensure_future(failure(drain(stream)))
        await servicer.started.wait()
        stream.cancel()

        assert (await reader).reason == "CANCELLED"


async def test_the_responses_metadata_is_at_hand() -> None:
    """A unary reply and a failure both show what the way back added to them."""
    async with echo(Echo(acts={"bad": raises(invalid("word", "is bad"))})) as (stub, _):
        reply, metadata = await exchange(stub.unary, says("a"))
        stream = stub.stream(says("a"))
        await drain(stream)
        error = await failure(stub.unary(says("bad")))

    assert (reply.value, metadata["x-mesh-provider"]) == ("a", "local")
    assert dict(await stream.metadata()) == {}
    assert error.transport.keys() <= {"x-mesh-provider"}


async def test_a_failure_sends_no_initial_metadata() -> None:
    """A failed call is trailers-only, so that a proxy may still retry or hedge it."""
    async with serving(registrations(Echo(acts={"bad": raises(invalid("a", "b"))}))) as channel:
        started = channel._channel.unary_stream(f"/{SERVICE}/Stream", bytes, PARSE)(
            says("bad").SerializeToString(), timeout=5
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            [message async for message in started]

    assert not caught.value.initial_metadata()


async def test_one_line_a_call_however_it_ends() -> None:
    """Good and refused calls of any shape write exactly one line with method, code and reason."""
    with capture_logs() as lines:
        async with echo(Echo(acts={"bad": raises(invalid("a", "b"))})) as (stub, _):
            await stub.unary(says("a"))
            await drain(stub.stream(says("a b")))
            await failure(stub.unary(says("bad")))
    calls = [(line["method"].rpartition("/")[2], line["code"], line.get("reason"), line["replies"]) for line in lines]

    assert calls == [
        ("Unary", "OK", None, 1),
        ("Stream", "OK", None, 2),
        ("Unary", "INVALID_ARGUMENT", "FIELD_OUT_OF_RANGE", 0),
    ]


async def test_calls_are_counted_and_timed() -> None:
    """Each call adds one to its method's counter and histogram."""
    labels = {"method": f"/{SERVICE}/Collect", "code": "OK"}
    before = metrics.REGISTRY.get_sample_value("magistrate_rpc_handled_total", labels) or 0
    async with echo() as (stub, _):
        await stub.collect(each("a"))

    assert metrics.REGISTRY.get_sample_value("magistrate_rpc_handled_total", labels) == before + 1


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_health_speaks_for_the_server_and_each_service(service: str) -> None:
    """The standard health protocol answers SERVING for both; it needs no deadline and passes no chain."""
    async with echo() as (_, channel):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services() -> None:
    """Tools such as grpcurl find the service without its protos."""
    async with echo() as (_, channel):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        stream = stub.ServerReflectionInfo()
        await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        answer = await stream.read()
        stream.cancel()

    assert SERVICE in [service.name for service in answer.list_services_response.service]
