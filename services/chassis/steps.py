"""The steps that every incoming call passes, as a named, ordered list."""

import asyncio
import time
from collections.abc import Mapping

import grpc
from prometheus_client import Counter, Histogram

from services.chassis import call, metrics, status
from services.chassis.drain import Drain
from services.chassis.errors import Kind, MeshError, WorldError
from services.chassis.log import get_logger
from services.chassis.rpc import Method, Rpc, Step
from services.chassis.telemetry import Tracing

_HANDLED = metrics.counter(
    "magistrate_rpc_handled_total", "Calls served, by method and status code.", ("method", "code")
)
_SECONDS = metrics.histogram("magistrate_rpc_seconds", "Time to serve a call, by method.", ("method",))
_IN_FLIGHT = metrics.gauge("magistrate_rpc_in_flight", "Calls that are being served now.")

_OWN_FAULTS = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})
_WORLD_FAULTS = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED})


def chain(pending: Mapping[str, str], drain: Drain, tracing: Tracing | None = None) -> tuple[Step, ...]:
    """Return the steps in the order in which a call meets them.

    1. Identity first: every later step speaks of the request id.
    2. Trace next, so that the log line carries its id.
    3. Metrics and log see every call, refused ones too, hence before whatever refuses.
    4. Drain refuses what comes too late, before anything is done for it.
    5. Pending refuses what has no logic yet.
    6. Errors last: on the way back it is first, and tells the others what the caller will see.
    """
    traced: tuple[Step, ...] = (_Trace(tracing),) if tracing else ()
    return (_Identity(), *traced, _Metrics(), _AccessLog(), drain, _Pending(pending), _Errors())


class _Identity:
    """Makes request id, principal and deadline the current call."""

    def begin(self, rpc: Rpc) -> None:
        rpc.call = call.from_metadata(rpc.metadata, rpc.context.time_remaining())
        call.enter(rpc.call)

    def end(self, rpc: Rpc) -> None:
        """Nothing to undo: each call is a task of its own, and its context goes with it."""


class _Trace:
    """Covers the call with a span and makes it the parent of every call that follows from it."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def begin(self, rpc: Rpc) -> None:
        arrived = rpc.metadata.get(call.TRACEPARENT_KEY) == rpc.call.traceparent
        rpc.span = self._tracing.serve(rpc.call, rpc.method.path, follows=arrived)
        rpc.call = call.current()

    def end(self, rpc: Rpc) -> None:
        if rpc.span is not None:
            rpc.span.end(rpc.code.name, rpc.reason)


class _Metrics:
    """Counts and times the call."""

    def __init__(self) -> None:
        self._seconds: dict[Method, Histogram] = {}
        self._handled: dict[tuple[Method, grpc.StatusCode], Counter] = {}

    def begin(self, rpc: Rpc) -> None:  # noqa: ARG002 - as in Step
        _IN_FLIGHT.inc()

    def end(self, rpc: Rpc) -> None:
        _IN_FLIGHT.dec()
        # Looking up a labelled metric costs more than counting, hence the two dictionaries.
        seconds = self._seconds.get(rpc.method)
        if seconds is None:
            seconds = self._seconds[rpc.method] = _SECONDS.labels(rpc.method.path)
        seconds.observe(time.monotonic() - rpc.started)
        handled = self._handled.get((rpc.method, rpc.code))
        if handled is None:
            handled = self._handled[rpc.method, rpc.code] = _HANDLED.labels(rpc.method.path, rpc.code.name)
        handled.inc()


class _AccessLog:
    """Writes one line a call, as loud as its end deserves."""

    def __init__(self) -> None:
        # Bound once: structlog would look up its configuration at every line.
        self._log = get_logger("rpc").bind()

    def begin(self, rpc: Rpc) -> None:
        """Say nothing yet: the line is written when the outcome is known."""

    def end(self, rpc: Rpc) -> None:
        fields: dict[str, object] = {
            "method": rpc.method.path,
            "code": rpc.code.name,
            "duration_ms": round((time.monotonic() - rpc.started) * 1000, 3),
            "bytes": rpc.bytes_in,
            "replies": rpc.replies,
        }
        if rpc.reason:
            fields["reason"] = rpc.reason
        if rpc.code in _OWN_FAULTS:
            self._log.error("rpc", exc_info=rpc.error, **fields)
        elif rpc.code in _WORLD_FAULTS:
            self._log.warning("rpc", **fields)
        else:
            self._log.info("rpc", **fields)


class _Pending:
    """Refuses methods whose logic comes later."""

    def __init__(self, pending: Mapping[str, str]) -> None:
        self._pending = pending

    def begin(self, rpc: Rpc) -> None:
        note = self._pending.get(rpc.method.path)
        if note is not None:
            message = f"{rpc.method.name} is part of the contract, but its logic comes later: {note}"
            metadata = {"method": rpc.method.path, "note": note}
            raise WorldError(Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED", message, metadata=metadata)

    def end(self, rpc: Rpc) -> None:
        """Nothing was begun."""


class _Errors:
    """Decides what the caller learns about a failure."""

    def begin(self, rpc: Rpc) -> None:
        """Nothing can have failed yet."""

    def end(self, rpc: Rpc) -> None:
        if rpc.error is None:
            return
        rpc.answer = _answer(rpc.error, rpc)
        if rpc.answer is not None:
            rpc.code, rpc.reason = status.CODES[rpc.answer.kind], rpc.answer.reason


def _answer(error: BaseException, rpc: Rpc) -> MeshError | None:
    """Return what the wire shows of ``error``; None where gRPC has the word (a cancelled or already aborted call)."""
    if isinstance(error, MeshError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return _of_group(error) or status.unexpected(rpc.call.request_id)
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        expired = call.is_over()
        rpc.code = grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED
        rpc.reason = "DEADLINE_EXPIRED" if expired else "CANCELLED"
        return None
    if isinstance(error, grpc.aio.AbortError):
        rpc.code = status.code_of(rpc.context.code())
        return None
    if isinstance(error, TimeoutError) and call.is_over():
        return WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", "the time was over before the work was done")
    return status.unexpected(rpc.call.request_id)


def _of_group(group: BaseExceptionGroup[BaseException]) -> MeshError | None:
    """Return the first foreseen error of a task group, unless something unforeseen failed beside it."""
    known, unknown = group.split(MeshError)
    if known is None or unknown is not None:
        return None
    first: BaseException = known
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, MeshError) else None
