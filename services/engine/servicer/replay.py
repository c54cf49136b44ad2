"""ReplayService on the wire: convert and delegate."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.engine.v1 import engine_pb2 as pb
from magistrate.engine.v1 import engine_pb2_grpc
from services.chassis import call, errors
from services.engine.adapters import codec, enums
from services.engine.core import question
from services.engine.core.decision import Sealed
from services.engine.core.replay import LeftOut, Tally, VerdictChange
from services.engine.ports import Rules
from services.engine.replayer import Asker, Event, Order, Progress, Replayer, Summary

MAX_CRITICS = 6
MAX_NAME_CHARS = 64
_VERSION = re.compile(r"[a-z]+@[1-9][0-9]{0,5}")
_REFERENCE = re.compile(r"[a-z][a-z0-9-]{0,39}@[1-9][0-9]{0,5}")
_Context = grpc.aio.ServicerContext[object, object]


class ReplayServicer(engine_pb2_grpc.ReplayServiceServicer):
    """Past decisions, judged again."""

    def __init__(self, replayer: Replayer) -> None:
        self._replayer = replayer

    async def ReplayDecision(self, request: pb.ReplayDecisionRequest, _: _Context) -> pb.ReplayDecisionResponse:
        """Judge one decision as it was judged."""
        question.check_id("decision_id", request.decision_id)
        replay = await self._replayer.replay(request.decision_id, _asker())
        recorded = replay.recorded
        return pb.ReplayDecisionResponse(
            decision_id=request.decision_id,
            same=not replay.differences,
            recorded=enums.verdict(recorded.verdict),
            replayed=enums.verdict(replay.verdict),
            differences=[
                pb.Difference(part=each.part, recorded=each.recorded, replayed=each.replayed)
                for each in replay.differences
            ],
            versions=[*recorded.versions.values(), recorded.policy],
            carried=recorded.carried,
            redacted=recorded.redacted,
            evidence=codec.evidence(replay.evidence),
        )

    async def Readjudicate(
        self, request: pb.ReadjudicateRequest, _: _Context
    ) -> AsyncIterator[pb.ReadjudicateResponse]:
        """Judge the decisions of a time by other rules."""
        order = _order(request)
        async with aclosing(self._replayer.readjudicate(order, _asker())) as events:
            async for event in events:
                yield _event(event)


def _asker() -> Asker:
    current = call.current()
    principal = current.principal
    return Asker(subject=principal.subject, roles=principal.roles, request_id=current.request_id)


def _order(request: pb.ReadjudicateRequest) -> Order:
    if not request.HasField("since"):
        raise errors.invalid("since", "must be given", reason="FIELD_REQUIRED")
    since = _instant("since", request.since)
    until = _instant("until", request.until) if request.HasField("until") else None
    if until is not None and until <= since:
        raise errors.invalid("until", "must be after since", value=until.isoformat())
    rules = _rules(request)
    if rules is None and not request.critics:
        problem = "must be given, or a trial, or critics: by what else should anything be judged?"
        raise errors.invalid("policy", problem, reason="FIELD_REQUIRED")
    return Order(
        since=since,
        until=until,
        rules=rules,
        critics=_critics(request),
        facts=_facts(request, since, until),
        told=MessageToDict(request, preserving_proto_field_name=True),
    )


def _facts(request: pb.ReadjudicateRequest, since: datetime, until: datetime | None) -> dict[str, str]:
    """Return what the log says of an order; a trial is told by its name, whatever it holds."""
    facts = {
        "since": since.isoformat(),
        "until": until.isoformat() if until else "",
        "policy": request.policy,
        "trial": request.trial.reference[:MAX_NAME_CHARS] if request.HasField("trial") else "",
        "critics": ",".join(request.critics),
    }
    return {name: value for name, value in facts.items() if value}


def _rules(request: pb.ReadjudicateRequest) -> Rules | None:
    match request.WhichOneof("rules"):
        case "policy":
            if not _REFERENCE.fullmatch(request.policy):
                problem = "must be a policy's name, @ and its version, such as standard@1"
                raise errors.invalid("policy", problem, reason="FIELD_MALFORMED")
            return Rules(policy=request.policy)
        case "trial":
            return Rules(trial=Sealed(request.trial))
        case _:
            return None


def _critics(request: pb.ReadjudicateRequest) -> tuple[str, ...]:
    if len(request.critics) > MAX_CRITICS:
        raise errors.invalid("critics", f"must be at most {MAX_CRITICS}", value=len(request.critics))
    for index, word in enumerate(request.critics):
        if not _VERSION.fullmatch(word):
            problem = "must be a critic's name, @ and its version, such as risk@2"
            raise errors.invalid(f"critics[{index}]", problem, reason="FIELD_MALFORMED")
    return tuple(request.critics)


def _event(event: Event) -> pb.ReadjudicateResponse:
    match event:
        case VerdictChange():
            return pb.ReadjudicateResponse(change=_change(event))
        case Progress():
            progress = pb.ReplayProgress(examined=event.examined, reached=_timestamp(event.reached))
            return pb.ReadjudicateResponse(progress=progress)
        case Summary():
            return pb.ReadjudicateResponse(summary=_summary(event))


def _change(change: VerdictChange) -> pb.VerdictChange:
    return pb.VerdictChange(
        decision_id=change.decision_id,
        recorded_at=_timestamp(change.recorded_at),
        recorded=enums.verdict(change.recorded),
        replayed=enums.verdict(change.replayed),
        rules=change.rules,
        critics=change.critics,
    )


def _summary(summary: Summary) -> pb.ReplaySummary:
    tally: Tally = summary.tally
    return pb.ReplaySummary(
        examined=tally.examined,
        unchanged=tally.unchanged,
        changed=tally.changed,
        stricter=tally.stricter,
        erased=tally.left_out[LeftOut.ERASED],
        unreadable=tally.left_out[LeftOut.UNREADABLE],
        incomplete=tally.left_out[LeftOut.INCOMPLETE],
        unreproducible=tally.left_out[LeftOut.UNREPRODUCIBLE],
        shifts=[
            pb.VerdictShift(recorded=enums.verdict(before), replayed=enums.verdict(after), count=count)
            for (before, after), count in sorted(tally.shifts.items())
        ],
        evidence=codec.evidence(summary.evidence),
    )


def _instant(field: str, timestamp: Timestamp) -> datetime:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise errors.invalid(field, "must be a time from year 1 to 9999", reason="FIELD_MALFORMED") from error


def _timestamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment)
    return result
