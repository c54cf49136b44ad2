"""The current call: what arrives is checked, what leaves is what arrived."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import call
from services.chassis.call import Call, Principal
from services.chassis.errors import CallerError

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_call_travels_unchanged() -> None:
    """Request id, trace and principal of the next hop are those of this one."""
    arrived = call.from_metadata(
        {
            "x-request-id": "r-1",
            "traceparent": TRACEPARENT,
            "x-magistrate-tenant": "acme",
            "x-magistrate-subject": "ada",
            "x-magistrate-roles": "admin reviewer",
        },
        None,
    )

    assert arrived.principal == Principal(tenant="acme", subject="ada", roles=("admin", "reviewer"))
    assert arrived.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert call.from_metadata(dict(call.to_metadata(arrived)), None) == arrived


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ("By=spiffe://mesh/sa/recorder;Hash=ab12;URI=spiffe://mesh/sa/engine", "spiffe://mesh/sa/engine"),
        ("URI=spiffe://mesh/sa/engine", "spiffe://mesh/sa/engine"),
        ("By=spiffe://mesh/sa/recorder;Hash=ab12", ""),
        ("URI=https://elsewhere", ""),
        (b"URI=spiffe://mesh/sa/engine", ""),
        ("", ""),
    ],
)
def test_the_caller_is_whom_the_proxy_verified(header: str | bytes, caller: str) -> None:
    """It is read from what the proxy says of the certificate, and goes no further than this service."""
    arrived = call.from_metadata({"x-forwarded-client-cert": header}, None)

    assert arrived.caller == caller
    assert call.from_metadata(dict(call.to_metadata(arrived)), None).caller == ""


@pytest.mark.parametrize("bad", ["", "a b", "a\nb", "x" * 129, b"r-1", "ü"])
def test_a_malformed_request_id_is_replaced(bad: str | bytes) -> None:
    """A request id that could forge log lines or bloat them never enters the mesh."""
    made = call.from_metadata({"x-request-id": bad}, None).request_id

    assert made != bad
    assert len(made) == 36


@pytest.mark.parametrize(
    "bad",
    ["", "00-short", TRACEPARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACEPARENT[:-4] + "zz-01", b"x"],
)
def test_a_malformed_traceparent_starts_a_new_trace(bad: str | bytes) -> None:
    """W3C trace context section 3.2: an invalid parent is ignored."""
    made = call.from_metadata({"traceparent": bad}, None)

    assert made.traceparent != bad
    assert len(made.trace_id) == 32


@given(st.dictionaries(st.sampled_from(["x-request-id", "traceparent", "x-magistrate-roles"]), st.text() | st.binary()))
def test_no_metadata_breaks_the_entrance(metadata: dict[str, str | bytes]) -> None:
    """Whatever a caller sends, the call gets an id and a trace."""
    arrived = call.from_metadata(metadata, 1.0)

    assert arrived.request_id
    assert arrived.trace_id


def test_outside_of_a_call_there_is_no_deadline() -> None:
    """Code that runs in no call sees an empty one."""
    assert call.current() == Call()
    assert call.remaining_s() is None


async def test_the_remaining_time_never_goes_below_zero() -> None:
    """A deadline that has passed leaves 0 seconds."""
    call.enter(Call(deadline=0.0))

    assert call.remaining_s() == 0.0


@pytest.mark.parametrize(
    ("left_s", "over"), [(None, False), (60.0, False), (0.0, True), (call.CLOCK_SLACK_S / 2, True)]
)
def test_a_call_is_over_a_moment_before_its_deadline(
    monkeypatch: pytest.MonkeyPatch, left_s: float | None, over: bool
) -> None:
    """A timer that strikes early is the deadline all the same; a call without one is never over."""
    monkeypatch.setattr(call, "remaining_s", lambda: left_s)

    assert call.is_over() is over


async def test_detached_work_keeps_ids_but_not_the_deadline() -> None:
    """What goes on after the reply is not cut by a deadline that was the reply's."""
    call.enter(call.from_metadata({"x-request-id": "r-1"}, 5.0))
    call.detach()

    assert call.current().request_id == "r-1"
    assert call.remaining_s() is None


async def test_calls_do_not_see_each_other() -> None:
    """Two tasks that serve at the same time have each their own call."""
    both = asyncio.Barrier(2)

    async def serve(request_id: str) -> str:
        call.enter(Call(request_id=request_id))
        await both.wait()
        return call.current().request_id

    seen = await asyncio.gather(serve("a"), serve("b"))

    assert tuple(seen) == ("a", "b")


@pytest.mark.spec("ENG-38")
def test_no_tenant_is_no_tenant_of_its_own() -> None:
    """Work for a tenant gets its name; work for nobody is refused instead of being done for the empty name."""
    call.enter(Call(request_id="r-1", principal=Principal(tenant="acme")))
    named = call.tenant()
    call.enter(Call(request_id="r-1", principal=Principal(subject="ada")))
    with pytest.raises(CallerError, match="TOKEN_MISSING"):
        call.tenant()
    call.enter(Call())

    assert named == "acme"
