"""ReplayService on the wire: past decisions judged again by real critics and a real evaluator, and every refusal."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_UNAVAILABLE
from magistrate.common.v1.judgement_pb2 import (
    VERDICT_ABSTAIN,
    VERDICT_ALLOW,
    VERDICT_CONSTRAINED_ALLOW,
    VERDICT_ESCALATE,
    Policy,
)
from magistrate.engine.v1 import engine_pb2 as pb
from magistrate.recorder.v1 import recorder_pb2
from services.chassis.errors import Kind, MeshError, unavailable
from services.engine.adapters import codec
from tests.contract.promises import reasons
from tests.contract.replaying import BOMB, DESTRUCTIVE, EVASIVE, HARMLESS, Room, replaying
from tests.fakes.evidence import FakeRecorder

DAY = datetime(2026, 11, 20, tzinfo=UTC)
STRICT = Policy(reference="strict@1", violation_0_3=0.1, severe_0_3=0.1)


def at(moment: datetime) -> Timestamp:
    """Return a time as the contract has it."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def sweep(**fields: Any) -> pb.ReadjudicateRequest:
    """Return a request over the day of the tests."""
    return pb.ReadjudicateRequest(**{"since": at(DAY), **fields})


def one(decision_id: str = "d-1") -> pb.ReplayDecisionRequest:
    """Return a request for one decision."""
    return pb.ReplayDecisionRequest(decision_id=decision_id)


def decision_record(room: Room) -> recorder_pb2.Record:
    """Return the record of the one decision."""
    (record,) = room.recorder.kinds(recorder_pb2.RECORD_KIND_DECISION)
    return record


def altered(record: recorder_pb2.Record, change: Callable[[pb.Decision], None]) -> None:
    """Change what a record says."""
    decision = codec.decode(record.payload)
    change(decision)
    record.payload = decision.SerializeToString()


@pytest.mark.spec("REC-18")
@pytest.mark.parametrize("answer", [HARMLESS, DESTRUCTIVE])
async def test_the_same_verdict_from_the_evidence(answer: str) -> None:
    """Everything comes out as recorded; nothing is kept of it but that it was done, by whom and with what result."""
    async with replaying() as room:
        await room.decided("d-1", answer)
        packets = len(room.packets.opened)
        reply = await room.stub.ReplayDecision(one())
        await room.settled()
        *_, intent, outcome = room.recorder.records

    assert (reply.same, list(reply.differences), list(reply.carried), reply.redacted) == (True, [], [], False)
    assert reply.recorded == reply.replayed
    assert len(room.packets.opened) == packets
    assert json.loads(intent.payload) == {"by": "tester", "roles": ["admin"], "request_id": intent_request(intent)}
    assert json.loads(intent.envelope)["attributes"] == {"action": "replay"}
    assert (outcome.intent_key, intent.decision_id) == (intent.idempotency_key, "d-1")
    assert json.loads(outcome.envelope)["attributes"] == {"outcome": "done", "same": "yes"}
    assert reply.evidence.index == intent.position.index


def intent_request(intent: recorder_pb2.Record) -> str:
    """Return the id of the call that an intent names."""
    found: str = json.loads(intent.payload)["request_id"]
    assert found
    return found


@pytest.mark.spec("REC-18")
async def test_the_first_difference_is_named() -> None:
    """Where the record says something else than judging gives, the first value that differs is told, and all others."""

    def milder(decision: pb.Decision) -> None:
        decision.critics[4].severity_0_3 = 0.0
        del decision.critics[4].violations[:]

    async with replaying() as room:
        await room.decided("d-1", DESTRUCTIVE)
        altered(decision_record(room), milder)
        reply = await room.stub.ReplayDecision(one())

    assert not reply.same
    first = reply.differences[0]
    assert (first.part, first.recorded) == ("critics.risk.severity_0_3", "0.000000")
    assert float(first.replayed) > 2
    assert (reply.recorded, reply.replayed) == (VERDICT_CONSTRAINED_ALLOW, VERDICT_CONSTRAINED_ALLOW)


async def test_who_could_not_judge_then_is_not_asked_now() -> None:
    """A critic that was unavailable stays so: its silence is a part of the case, and said to be."""

    def silenced(decision: pb.Decision) -> None:
        decision.critics[0].Clear()
        decision.critics[0].critic = "rights"
        decision.critics[0].status = EVALUATION_STATUS_UNAVAILABLE

    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        altered(decision_record(room), silenced)
        reply = await room.stub.ReplayDecision(one())

    assert list(reply.carried) == ["rights"]
    assert (reply.recorded, reply.replayed) == (VERDICT_ALLOW, VERDICT_ESCALATE)


@pytest.mark.spec("REC-18")
async def test_another_policy() -> None:
    """Each verdict that would change is told with its rule, then the totals; decisions and packets stay as they are."""
    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        await room.decided("d-2", DESTRUCTIVE)
        packets = len(room.packets.opened)
        answers = await room.readjudicate(sweep(policy="cautious@1"))
        await room.settled()
        intent, outcome = room.recorder.records[-2:]
        tried = await room.readjudicate(sweep(trial=STRICT))

    change, progress, last = answers
    assert (change.change.decision_id, change.change.recorded, change.change.replayed) == (
        "d-2",
        VERDICT_CONSTRAINED_ALLOW,
        VERDICT_ESCALATE,
    )
    assert (list(change.change.rules), list(change.change.critics)) == (["severe:risk"], [])
    assert progress.progress.examined == 2
    assert (last.summary.examined, last.summary.changed, last.summary.stricter) == (2, 1, 1)
    assert last.summary.unchanged == 1
    assert [(shift.recorded, shift.replayed, shift.count) for shift in last.summary.shifts] == [
        (VERDICT_CONSTRAINED_ALLOW, VERDICT_ESCALATE, 1)
    ]
    assert len(room.packets.opened) == packets
    assert json.loads(outcome.envelope)["attributes"] == {
        "outcome": "done",
        "examined": "2",
        "changed": "1",
        "stricter": "1",
    }
    assert json.loads(intent.envelope)["attributes"] == {
        "action": "readjudicate",
        "policy": "cautious@1",
        "since": DAY.isoformat(),
    }
    assert json.loads(intent.payload)["by"] == "tester"
    assert tried[-1].summary.changed == 1


@pytest.mark.spec("REC-18")
async def test_another_critic() -> None:
    """Only the named version is asked again; the change names it, what it said and says, and the rules."""
    async with replaying() as room:
        await room.decided("d-1", EVASIVE, BOMB)
        before = codec.decode(decision_record(room).payload).critics[4].severity_0_3
        (change, _, last) = await room.readjudicate(sweep(critics=["risk@2"]))

    assert (change.change.recorded, last.summary.changed) == (VERDICT_ALLOW, 1)
    assert change.change.critics[0].startswith(f"risk@2 {before:.2f} -> ")
    assert change.change.rules


async def test_milder_rules_name_what_no_longer_holds() -> None:
    """A verdict that becomes better is told with the rule that kept it from being so."""
    lenient = Policy(reference="lenient@1", violation_0_3=3, severe_0_3=3, average_constrains_0_3=3)
    async with replaying() as room:
        await room.decided("d-1", DESTRUCTIVE)
        (change, _, last) = await room.readjudicate(sweep(trial=lenient))

    assert (change.change.replayed, list(change.change.rules)) == (VERDICT_ALLOW, ["-violation:risk"])
    assert (last.summary.changed, last.summary.stricter) == (1, 0)


@pytest.mark.spec("E1", "REC-15")
async def test_what_cannot_be_judged_again_is_counted() -> None:
    """Erased, withheld, expired, incomplete and irreproducible decisions are left out, each counted by its cause."""
    async with replaying() as room:
        for name in ("erased", "withheld", "expired", "strange", "bare", "whole"):
            await room.decided(name, HARMLESS)
        records = {record.decision_id: record for record in room.recorder.kinds(recorder_pb2.RECORD_KIND_DECISION)}
        records["erased"].body_state = recorder_pb2.BODY_STATE_ERASED
        records["erased"].payload = records["withheld"].payload = b""
        records["expired"].body_state = recorder_pb2.BODY_STATE_EXPIRED
        altered(records["strange"], lambda decision: setattr(decision.adjudication, "verdict", VERDICT_ABSTAIN))
        altered(records["bare"], _without_context)
        answers = await room.readjudicate(sweep(policy="cautious@1", critics=["risk@1"]))
        by_policy = await room.readjudicate(sweep(policy="cautious@1"))

    summary = answers[-1].summary
    assert (summary.examined, summary.unchanged, summary.changed) == (6, 1, 0)
    assert (summary.erased, summary.unreadable, summary.incomplete, summary.unreproducible) == (2, 1, 1, 1)
    assert by_policy[-1].summary.unchanged == 2, "a policy needs no context"


def _without_context(decision: pb.Decision) -> None:
    decision.context.ClearField("text")
    decision.context.provenance.add(chunk_id="c-1")


def _always(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


async def test_a_time_in_many_pages_and_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out or counted twice over pages, groups and half-years, from `since` on and before `until`."""
    monkeypatch.setattr("services.engine.adapters.archive.PAGE", 3)
    recorder = FakeRecorder(origin="evidence/test/acme/2026h1")
    moments = [datetime(2026, 6, 29, 12, tzinfo=UTC) + timedelta(hours=6 * n) for n in range(20)]
    async with replaying(recorder) as room:
        for number, moment in enumerate(moments):
            recorder.now = _always(moment)
            recorder.origin = f"evidence/test/acme/2026h{1 if moment.month < 7 else 2}"
            await room.decided(f"d-{number}", HARMLESS)
        answers = await room.readjudicate(
            sweep(since=at(moments[1]), until=at(moments[-1]), policy="standard@1", critics=[])
        )

    assert answers[-1].summary.examined == 18
    assert [answer.progress.examined for answer in answers[:-1]] == [8, 16, 18]


BAD = [
    ({"since": None, "policy": "standard@1"}, "FIELD_REQUIRED", "since"),
    ({}, "FIELD_REQUIRED", "policy"),
    ({"policy": "standard"}, "FIELD_MALFORMED", "policy"),
    ({"policy": "Standard@0"}, "FIELD_MALFORMED", "policy"),
    ({"critics": ["risk"]}, "FIELD_MALFORMED", "critics[0]"),
    ({"critics": [f"risk@{n}" for n in range(1, 8)]}, "FIELD_OUT_OF_RANGE", "critics"),
    ({"policy": "standard@1", "until": at(DAY)}, "FIELD_OUT_OF_RANGE", "until"),
    ({"policy": "standard@1", "since": Timestamp(seconds=-(10**12))}, "FIELD_MALFORMED", "since"),
    ({"trial": Policy()}, "FIELD_REQUIRED", "trial.reference"),
    ({"trial": Policy(reference="a b@1")}, "FIELD_MALFORMED", "trial.reference"),
    ({"trial": Policy(reference="x@1", severe_0_3=3.1)}, "FIELD_OUT_OF_RANGE", "trial.severe_0_3"),
    ({"trial": Policy(reference="x@1", severe_0_3=float("nan"))}, "FIELD_OUT_OF_RANGE", "trial.severe_0_3"),
    ({"trial": Policy(reference="x@1", severe_0_3=1, violation_0_3=2)}, "FIELD_OUT_OF_RANGE", "trial.severe_0_3"),
    ({"trial": Policy(reference="x@1", violations_escalate=0)}, "FIELD_OUT_OF_RANGE", "trial.violations_escalate"),
]


@pytest.mark.parametrize(("fields", "reason", "field"), BAD)
async def test_what_breaks_a_rule_is_refused(fields: dict[str, Any], reason: str, field: str) -> None:
    """Each rule of the request and of a trial policy has its reason and names its field."""
    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        with pytest.raises(MeshError) as refused:
            await room.readjudicate(sweep(**fields))

    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert refused.value.metadata["field"] == field
    assert reason in reasons("engine")["Readjudicate"]


@pytest.mark.parametrize(
    ("fields", "kind", "reason", "part"),
    [
        ({"policy": "lost@3"}, Kind.NOT_FOUND, "POLICY_NOT_FOUND", ("policy", "lost@3")),
        ({"critics": ["risk@9"]}, Kind.NOT_FOUND, "CRITIC_NOT_FOUND", ("critic", "risk@9")),
        ({"critics": ["risk@1", "risk@2"]}, Kind.INVALID, "DUPLICATE_ENTRY", ("field", "critics[1]")),
        (
            {"policy": "standard@1", "since": at(DAY + timedelta(days=9))},
            Kind.NOT_FOUND,
            "EVIDENCE_NOT_FOUND",
            ("until", "now"),
        ),
    ],
)
async def test_what_is_not_there_is_said(
    fields: dict[str, Any], kind: Kind, reason: str, part: tuple[str, str]
) -> None:
    """An unknown policy or critic and a time without evidence have reasons of their own, and so does the outcome."""
    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        with pytest.raises(MeshError) as refused:
            await room.readjudicate(sweep(**fields))
        await room.settled()
        outcome = room.recorder.kinds(recorder_pb2.RECORD_KIND_OUTCOME)[-1]

    assert (refused.value.kind, refused.value.reason) == (kind, reason)
    assert refused.value.metadata[part[0]] == part[1]
    assert reason in reasons("engine")["Readjudicate"]
    assert json.loads(outcome.envelope)["attributes"] == {"outcome": "failed", "reason": reason}


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (lambda record: record.ClearField("decision_id"), Kind.NOT_FOUND, "DECISION_NOT_FOUND"),
        (
            lambda record: setattr(record, "body_state", recorder_pb2.BODY_STATE_ERASED),
            Kind.PRECONDITION,
            "EVIDENCE_ERASED",
        ),
        (
            lambda record: setattr(record, "body_state", recorder_pb2.BODY_STATE_KEY_MISSING),
            Kind.PRECONDITION,
            "EVIDENCE_ERASED",
        ),
        (lambda record: altered(record, _without_context), Kind.PRECONDITION, "EVIDENCE_INCOMPLETE"),
        (
            lambda record: altered(record, lambda made: setattr(made.adjudication, "policy", "gone@1")),
            Kind.NOT_FOUND,
            "POLICY_NOT_FOUND",
        ),
        (
            lambda record: altered(record, lambda made: setattr(made.critics[0], "version", "rights@7")),
            Kind.NOT_FOUND,
            "CRITIC_NOT_FOUND",
        ),
    ],
    ids=["unknown", "erased", "keyless", "incomplete", "policy", "critic"],
)
async def test_one_that_cannot_be_judged_again(
    change: Callable[[recorder_pb2.Record], None], kind: Kind, reason: str
) -> None:
    """Each cause has its reason."""
    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        change(decision_record(room))
        with pytest.raises(MeshError) as refused:
            await room.stub.ReplayDecision(one())

    assert (refused.value.kind, refused.value.reason) == (kind, reason)
    assert reason in reasons("engine")["ReplayDecision"]


@pytest.mark.parametrize(("identity", "reason"), [("", "FIELD_REQUIRED"), ("no id!", "FIELD_MALFORMED")])
async def test_a_decision_must_be_named(identity: str, reason: str) -> None:
    """An empty or malformed id is refused with its field, and leaves no record."""
    async with replaying() as room:
        with pytest.raises(MeshError) as refused:
            await room.stub.ReplayDecision(one(identity))

    assert (refused.value.reason, refused.value.metadata["field"]) == (reason, "decision_id")
    assert room.recorder.records == []


async def test_no_result_without_a_record() -> None:
    """Where it cannot be put on record that evidence is judged again, it is not."""
    async with replaying() as room:
        await room.decided("d-1", HARMLESS)
        room.recorder.failure = unavailable("STORE_UNAVAILABLE", "away")
        for call in (room.stub.ReplayDecision(one()), room.readjudicate(sweep(policy="standard@1"))):
            with pytest.raises(MeshError) as refused:
                await call
            assert refused.value.kind is Kind.UNAVAILABLE
            assert refused.value.reason in reasons("engine")["ReplayDecision"]
        room.recorder.failure = None


SENTENCES = st.sampled_from(
    [HARMLESS, DESTRUCTIVE, EVASIVE, BOMB, "You have no choice.", "Reject all women.", "25 days."]
)


@pytest.mark.spec("REC-18")
@settings(max_examples=25, deadline=None)
@given(answer=st.lists(SENTENCES, min_size=1, max_size=4), query=SENTENCES)
def test_whatever_was_decided_comes_out_as_recorded(answer: list[str], query: str) -> None:
    """Any answer to any question is judged the same from its evidence, and its own policy changes no verdict."""

    async def run() -> tuple[pb.ReplayDecisionResponse, pb.ReplaySummary]:
        async with replaying() as room:
            await room.decided("d-1", " ".join(answer), query)
            every = [f"{name}@1" for name in ("rights", "autonomy", "fairness", "truth", "risk", "operations")]
            answers = await room.readjudicate(sweep(policy="standard@1", critics=every))
            return await room.stub.ReplayDecision(one()), answers[-1].summary

    reply, summary = asyncio.run(run())

    assert (reply.same, list(reply.differences)) == (True, [])
    assert (summary.examined, summary.unchanged) == (1, 1)
