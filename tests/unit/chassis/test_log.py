"""Logs are correlated JSON, and they leak only what somebody named."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import call, log

PLANTED = [
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    "Bearer abcdef0123456789",
    "authorization: basic YWRhOnNlY3JldA==",
    f"sk-ant-{'api03' * 5}",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "xoxb-1234567890-abcdefghij",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "glpat-0123456789abcdefghij",
    "postgres://magistrate:hunter22@localhost/magistrate",
    "password=hunter22",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
]
SECRETS = [
    "eyJzdWIi",
    "abcdef0123456789",
    "YWRhOnNlY3JldA",
    "api03",
    "IOSFODNN7",
    "ghp_abc",
    "xoxb-1",
    "4eC39",
    "glpat-",
    "hunter22",
    "MIIE",
]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Yield where log lines go; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    log.configure("router", level="info", stream=out)
    yield out
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def written(lines: io.StringIO) -> list[dict[str, Any]]:
    """Return the events that were written."""
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def raised(error: BaseException) -> BaseException:
    """Return ``error`` with the frames of having been raised."""
    try:
        raise error
    except type(error) as caught:
        return caught


async def test_a_line_is_json_and_correlated(lines: io.StringIO) -> None:
    """Every line within a call carries its request id, trace and tenant (spec OBS-03)."""
    call.enter(call.from_metadata({"x-request-id": "r-1", "x-magistrate-tenant": "acme"}, None))
    log.get_logger("test").info("chosen", provider="local", attempts=2)
    (event,) = written(lines)

    assert event["event"] == "chosen"
    assert (event["service"], event["source"], event["level"]) == ("router", "test", "info")
    assert (event["request_id"], event["tenant"]) == ("r-1", "acme")
    assert (event["provider"], event["attempts"]) == ("local", 2)
    assert len(event["trace_id"]) == 32


def test_an_undeclared_field_is_redacted(lines: io.StringIO) -> None:
    """A field that nobody named may hold anything, so it shows nothing, at any depth."""
    log.get_logger().info("asked", query="my salary is 5000", mode={"query": "salary", "name": "x"})
    (event,) = written(lines)

    assert event["query"] == log.REDACTED
    assert event["mode"] == {"query": log.REDACTED, "name": "x"}


def test_a_room_declares_its_own_fields(lines: io.StringIO) -> None:
    """A room that names a field once may use it."""
    log.get_logger("test", fields=["hedge_ms"]).info("hedged", hedge_ms=300)

    assert written(lines)[0]["hedge_ms"] == 300


@pytest.mark.spec("REC-17", "EDG-28")
@pytest.mark.parametrize("planted", PLANTED)
def test_credentials_are_cut_out_of_declared_fields(planted: str, lines: io.StringIO) -> None:
    """The second fence: what looks like a credential is cut out even where the field is allowed."""
    log.get_logger().info(f"said {planted}", status=f"before {planted} after", provider=[planted])
    text = lines.getvalue()

    assert not [secret for secret in SECRETS if secret in text]
    assert log.REDACTED in text


def test_an_exception_shows_where_but_not_what(lines: io.StringIO) -> None:
    """Type and frames are logged; the text stays out, since it may quote what a caller sent."""
    error = RuntimeError("the query was ada@example.org")
    error.__cause__ = raised(KeyError("ada@example.org"))
    log.get_logger().error("failed", exc_info=raised(error))
    (event,) = written(lines)

    assert "builtins.RuntimeError" in event["exception"]
    assert "builtins.KeyError" in event["exception"]
    assert "test_log.py" in event["exception"]
    assert "ada" not in event["exception"]


def test_the_text_of_exceptions_can_be_switched_on() -> None:
    """A developer's stack shows the text, still without credentials."""
    error = ExceptionGroup("both", [ValueError("too short"), ValueError("too long")])

    assert "too long" in log.describe(error, with_text=True)
    assert "too long" not in log.describe(error, with_text=False)


def test_libraries_write_into_the_same_stream(lines: io.StringIO) -> None:
    """Warnings of libraries come as the same JSON, without their exceptions' text."""
    logging.getLogger("grpc").error("Unexpected %s", "exception", exc_info=raised(ValueError("quoted input")))
    logging.getLogger("asyncio").info("chatter")
    (event,) = written(lines)

    assert (event["source"], event["level"], event["event"]) == ("grpc", "error", "Unexpected exception")
    assert "quoted input" not in lines.getvalue()


@given(st.text(max_size=300))
def test_scrubbing_never_fails_and_never_forges_a_line(text: str) -> None:
    """Any text becomes one line of JSON."""
    line = log.processors("x")[-1](None, "info", {"event": log.scrub(text)})

    assert "\n" not in str(line)
