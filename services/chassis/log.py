"""Logs: JSON events with fields, correlated by request id, with redaction by allow-list.

A field whose name nobody declared is written as ``[redacted]``: a log line can leak only what somebody named. What
looks like a credential is cut out of the values that remain.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from services.chassis import call, credentials

REDACTED = credentials.REDACTED
_MAX_TEXT_CHARS = 2000
_MAX_FRAMES = 30
_SCALARS = frozenset({int, float, bool, type(None)})

_allowed = {
    *("event", "level", "timestamp", "source", "service", "request_id", "trace_id", "tenant", "exception"),
    *("method", "code", "reason", "kind", "duration_ms", "remaining_ms", "requests", "replies", "bytes"),
    *("name", "version", "socket", "task", "signal", "attempt", "attempts", "count", "limit", "size", "error"),
    *("provider", "model", "strategy", "stage", "status", "state", "dependency", "component", "mode", "fallback"),
    *(
        "critic",
        "severity",
        "clause",
        "origin",
        "index",
        "decision_id",
        "run_id",
        "pack_id",
        "seconds",
        "drain_s",
        "interval_s",
    ),
    *("tokens_in", "tokens_out", "cost_micro_usd", "config"),
}

_OWN = frozenset({"timestamp", "level", "service", "source", "trace_id", "method", "code", "duration_ms"})
"""Fields that the chassis fills itself, from values it made or checked; scrubbing costs more than writing the line."""


def get_logger(name: str = "", *, fields: Iterable[str] = ()) -> FilteringBoundLogger:
    """Return a logger whose events carry ``name``; ``fields`` are further field names that hold nothing secret."""
    _allowed.update(fields)
    logger: FilteringBoundLogger = structlog.get_logger(source=name) if name else structlog.get_logger()
    return logger


def allowed() -> frozenset[str]:
    """Return the names of the fields that are written as they are."""
    return frozenset(_allowed)


def scrub(text: str) -> str:
    """Return ``text`` without anything that has the shape of a credential, and no longer than 2,000 characters."""
    return credentials.redact(text[:_MAX_TEXT_CHARS])


def configure(service: str, *, level: str = "info", exception_text: bool = False, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (standard error): JSON, or readable where it is a terminal.

    Args:
        service: Name of the service, bound to every line.
        level: The least severe level that is written.
        exception_text: Whether an exception's own text is logged; it may quote what a caller sent.
        stream: Where lines go.
    """
    out = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=processors(service, exception_text=exception_text, readable=out.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_ForeignHandler()], level=max(threshold, logging.WARNING), force=True)


def processors(service: str, *, exception_text: bool = False, readable: bool = False) -> list[Processor]:
    """Return the steps that turn an event into a line, in order; redaction comes after everything that adds fields."""
    render: Processor = structlog.dev.ConsoleRenderer() if readable else _render
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _correlate(service),
        _exceptions(with_text=exception_text),
        redact,
        render,
    ]


def redact(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
    """Write what no call site declared as ``[redacted]``, and cut credentials out of the rest."""
    for name, value in event.items():
        if name not in _allowed:
            event[name] = REDACTED
        elif name not in _OWN:
            event[name] = _plain(value)
    return event


def _plain(value: Any) -> Any:  # Any: what a call site may hand to a log line is open
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is str:
        return scrub(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) if str(key) in _allowed else REDACTED for key, item in value.items()}
    return scrub(str(value))


def _correlate(service: str) -> Processor:
    def add(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
        event["service"] = service
        current = call.current()
        if current.request_id:
            event.setdefault("request_id", current.request_id)
            event.setdefault("trace_id", current.trace_id)
            event.setdefault("tenant", current.principal.tenant)
        return event

    return add


def _exceptions(*, with_text: bool) -> Processor:
    def add(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
        error = _exception(event.pop("exc_info", None))
        if error is not None:
            event["exception"] = describe(error, with_text=with_text)
        return event

    return add


def _exception(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def describe(error: BaseException, *, with_text: bool) -> str:
    """Return type, frames and causes of ``error``; its text only on demand, since it may quote what a caller sent."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(lines) < _MAX_FRAMES:
        text = f": {seen}" if with_text else ""
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}{text}")
        frames = traceback.extract_tb(seen.__traceback__, limit=-_MAX_FRAMES)
        lines.extend(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        if isinstance(seen, BaseExceptionGroup):
            lines.extend(f"  | {describe(inner, with_text=with_text)}" for inner in seen.exceptions)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines)


def _render(_logger: WrappedLogger, _level: str, event: EventDict) -> str:
    return _dump(event)


_dump: Callable[[EventDict], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class _ForeignHandler(logging.Handler):
    """Brings the lines of libraries that use the standard ``logging`` into the same stream and form."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(source=record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)
