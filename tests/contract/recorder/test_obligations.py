"""RecorderService on the wire: what was begun is open until its outcome is recorded, or until it is given up."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.clock import SystemClock
from services.chassis.errors import MeshError
from services.recorder.keeping.reconciler import AT_ONCE
from tests.contract.recorder.client import OTHER, Stub, append, calling, entry, recording, tamper
from tests.fakes.postgres import Database

INTENT, ATTEMPT, OUTCOME = pb.RECORD_KIND_INTENT, pb.RECORD_KIND_ATTEMPT, pb.RECORD_KIND_OUTCOME


class SetClock(SystemClock):
    """A clock whose date is set."""

    date = datetime(2026, 11, 20, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the date."""
        return self.date


async def still_open(stub: Stub) -> list[str]:
    """Return the keys of the intents that are open."""
    reply = await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))
    assert all(record.kind == INTENT for record in reply.records)
    return [record.idempotency_key for record in reply.records]


async def test_open_until_an_outcome_names_it(stub: Stub) -> None:
    """Intent, attempts and outcome name each other in the log; only the outcome closes."""
    await append(stub, "call-1", kind=INTENT)
    await append(stub, "call-2", kind=INTENT)
    await append(stub, "call-1/try-1", kind=ATTEMPT, intent_key="call-1")
    assert await still_open(stub) == ["call-1", "call-2"]

    await append(stub, "call-1/end", kind=OUTCOME, intent_key="call-1")

    assert await still_open(stub) == ["call-2"]
    records = (await stub.ListRecords(pb.ListRecordsRequest())).records
    assert [record.intent_key for record in records] == ["", "", "call-1", "call-1"]
    assert [json.loads(record.envelope)["intent"] for record in records] == ["", "", "call-1", "call-1"]


async def test_outcome_with_or_before_its_intent(stub: Stub) -> None:
    """Records that overtake each other on their way leave nothing open."""
    await append(stub, "late/end", kind=OUTCOME, intent_key="late")
    await append(stub, "late", kind=INTENT)
    together = [entry("one", kind=INTENT), entry("one/end", kind=OUTCOME, intent_key="one"), entry("two", kind=INTENT)]
    _ = [answer async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=together)]))]

    assert await still_open(stub) == ["two"]


async def test_retries_open_and_close_nothing_twice(stub: Stub) -> None:
    """An intent that is sent again after its outcome stays closed."""
    await append(stub, "call", kind=INTENT)
    await append(stub, "call/end", kind=OUTCOME, intent_key="call")

    assert (await append(stub, "call", kind=INTENT)).already_recorded
    assert await still_open(stub) == []


@pytest.mark.parametrize("kind", [INTENT, pb.RECORD_KIND_DECISION])
async def test_only_what_follows_names_an_intent(stub: Stub, kind: "pb.RecordKind.ValueType") -> None:
    """Any other record that names one is refused with the field."""
    with pytest.raises(MeshError, match="FIELD_MALFORMED") as raised:
        await append(stub, kind=kind, intent_key="call")
    assert raised.value.metadata["field"] == "intent_key"


async def test_what_never_finished_is_closed_as_unknown(database: Database, keys: Path) -> None:
    """An overdue intent gets an outcome that says so, once, for its own tenant; a late true outcome is still kept."""
    clock = SetClock()
    async with (
        recording(database, keys, clock=clock, outcome_patience_s=60) as one,
        recording(database, keys, clock=clock, outcome_patience_s=60) as two,
        calling(one) as stub,
        calling(one, OTHER) as other,
    ):
        await append(stub, "lost", kind=INTENT)
        await append(other, "lost", kind=INTENT)
        clock.date += timedelta(seconds=40)
        await append(stub, "young", kind=INTENT)
        clock.date += timedelta(seconds=40)

        assert await one.reconciler.close_overdue() == 2
        assert await two.reconciler.close_overdue() == 0

        assert (await still_open(stub), await still_open(other)) == (["young"], [])
        (outcome,) = (await stub.ListRecords(pb.ListRecordsRequest(kind=OUTCOME))).records
        assert (outcome.intent_key, outcome.decision_id) == ("lost", "decision-1")
        assert json.loads(outcome.envelope)["attributes"] == {"outcome": "unknown"}
        late = await append(stub, "lost/end", kind=OUTCOME, intent_key="lost")
        assert not late.already_recorded


async def test_a_damaged_log_keeps_no_other_tenants_intents_open(database: Database, keys: Path) -> None:
    """However many intents of a tenant cannot be closed, and however old they are, those of others are."""
    clock = SetClock()
    async with (
        recording(database, keys, clock=clock, outcome_patience_s=60) as recorder,
        calling(recorder) as stub,
        calling(recorder, OTHER) as other,
    ):
        lost = [entry(f"lost-{number}", kind=INTENT) for number in range(AT_ONCE + 1)]
        _ = [answer async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=lost)]))]
        clock.date += timedelta(seconds=10)
        await append(other, "lost", kind=INTENT)
        tamper(database, "update recorder.head set frontier = '' where tenant = 'acme'")
        clock.date += timedelta(seconds=61)

        assert await recorder.reconciler.close_overdue() == 1

        assert await still_open(other) == []


async def test_other_tenants_outcomes_close_nothing(database: Database, keys: Path) -> None:
    """The same key at another tenant is another intent."""
    async with recording(database, keys) as recorder, calling(recorder) as stub, calling(recorder, OTHER) as other:
        await append(stub, "call", kind=INTENT)
        await append(other, "call/end", kind=OUTCOME, intent_key="call")

        assert await still_open(stub) == ["call"]
