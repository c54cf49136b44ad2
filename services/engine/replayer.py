"""Judge past decisions again from their evidence: one as it was, or many under other rules.

Nothing is written to decisions and no model is asked. That somebody had evidence judged again is evidence itself: an
intent with who asked and for what, durable before the first result is shown, and an outcome with the totals.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.chassis.clock import Clock, Ids
from services.chassis.errors import CallerError, Kind
from services.engine.core.decision import Evidence, Sealed, Verdict
from services.engine.core.intent import Ending, Intent, Result, ending
from services.engine.core.replay import (
    READJUDICATE,
    REPLAY,
    Difference,
    Judged,
    LeftOut,
    Tally,
    VerdictChange,
    moving_rules,
)
from services.engine.ports import Archive, EvidenceLog, Judges, Listed, Recorded, Replayed, Rules
from services.engine.side_by_side import both, each

AT_ONCE = 8
"""Decisions that are judged side by side; no more than these are in memory."""
JUDGE_S = 10.0
"""Seconds that one judge may take for one decision."""
RECORD_S = 5.0
"""Seconds in which the replay itself must be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who has evidence judged again."""

    subject: str
    roles: tuple[str, ...]
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One decision judged again."""

    recorded: Recorded
    verdict: Verdict
    differences: Sequence[Difference]
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which decisions are to be judged again, by what."""

    since: datetime
    until: datetime | None
    rules: Rules | None
    """None judges each by the policy of its time."""
    critics: tuple[str, ...]
    """Versions of critics that are asked again."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """The order in the log, for ever."""
    told: Mapping[str, object] = field(default_factory=dict)
    """The whole order, as it is kept sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a re-adjudication has come."""

    examined: int
    reached: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a re-adjudication came to."""

    tally: Tally
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    before: Judged
    after: Judged
    critics: tuple[str, ...]


@dataclass(slots=True)
class _Witnessed:
    """A replay at work: where its intent stands, and what its outcome will say."""

    evidence: Evidence
    facts: Mapping[str, str] = field(default_factory=dict)


Event = VerdictChange | Progress | Summary
Compare = Callable[[Recorded, Replayed], Sequence[Difference]]
Moves = Callable[[Recorded, Mapping[str, Sealed]], tuple[str, ...]]
"""Return what critics say otherwise than on record, each in a few words."""


class Replayer:
    """Judges again, and leaves a record of having done so."""

    def __init__(
        self,
        archive: Archive,
        judges: Judges,
        evidence: EvidenceLog,
        *,
        compare: Compare,
        moves: Moves,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._archive, self._judges, self._evidence = archive, judges, evidence
        self._compare, self._moves = compare, moves
        self._clock, self._ids = clock, ids

    async def replay(self, decision_id: str, asker: Asker) -> Replay:
        """Judge one decision as it was judged.

        Raises:
            CallerError: DECISION_NOT_FOUND, EVIDENCE_ERASED, EVIDENCE_INCOMPLETE, CRITIC_NOT_FOUND, POLICY_NOT_FOUND.
            WorldError: something that judges, or keeps evidence, does not answer.
        """
        async with self._witnessed(REPLAY, asker, decision_id=decision_id) as witnessed:
            recorded = await self._archive.find(decision_id)
            if isinstance(recorded, LeftOut) or not recorded.whole:
                raise _unreplayable(decision_id, recorded)
            replayed = await self._as_then(recorded)
            differences = tuple(self._compare(recorded, replayed))
            witnessed.facts = {"same": "no" if differences else "yes"}
            verdict = replayed.judged.verdict
            return Replay(recorded=recorded, verdict=verdict, differences=differences, evidence=witnessed.evidence)

    async def readjudicate(self, order: Order, asker: Asker) -> AsyncGenerator[Event, None]:
        """Yield every verdict that would change, progress in between, and the summary at last.

        Raises:
            CallerError: EVIDENCE_NOT_FOUND, CRITIC_NOT_FOUND, POLICY_NOT_FOUND, or what is wrong with a trial.
            WorldError: something that judges, or keeps evidence, does not answer.
        """
        tally = Tally()
        async with (
            self._witnessed(READJUDICATE, asker, order=order) as witnessed,
            aclosing(self._groups(order)) as groups,
        ):
            async for group in groups:
                judged = await each(self._judge_again(listed, order) for listed in group)
                for listed, outcome in zip(group, judged, strict=True):
                    if change := _counted(tally, listed, outcome):
                        yield change
                witnessed.facts = tally.facts
                yield Progress(examined=tally.examined, reached=group[-1].recorded_at)
            if not tally.examined:
                raise _nothing_there(order)
            yield Summary(tally=tally, evidence=witnessed.evidence)

    async def _as_then(self, recorded: Recorded) -> Replayed:
        evaluations, report = await both(self._review_then(recorded), self._score_then(recorded))
        case = recorded.having(evaluations)
        anew = case if report is None else replace(case, report=report)
        judged = await self._judges.readjudicate(anew, Rules(policy=recorded.policy), timeout_s=JUDGE_S)
        return Replayed(evaluations=evaluations, report=report, judged=judged)

    async def _review_then(self, recorded: Recorded) -> Mapping[str, Sealed]:
        versions = tuple(recorded.versions.values())
        return await self._judges.review(recorded.case, versions, timeout_s=JUDGE_S) if versions else {}

    async def _score_then(self, recorded: Recorded) -> Sealed | None:
        return None if "quality" in recorded.carried else await self._judges.score(recorded.case, timeout_s=JUDGE_S)

    async def _judge_again(self, listed: Listed, order: Order) -> _Pair | LeftOut:
        recorded = await self._archive.read(listed)
        if isinstance(recorded, LeftOut):
            return recorded
        if order.critics and not recorded.whole:
            return LeftOut.INCOMPLETE
        then = Rules(policy=recorded.policy)
        before = await self._judges.readjudicate(recorded.case, then, timeout_s=JUDGE_S)
        if before.verdict is not recorded.verdict:
            return LeftOut.UNREPRODUCIBLE
        anew: Mapping[str, Sealed] = {}
        if order.critics:
            anew = await self._judges.review(recorded.case, order.critics, timeout_s=JUDGE_S)
        after = await self._judges.readjudicate(recorded.having(anew), order.rules or then, timeout_s=JUDGE_S)
        return _Pair(before=before, after=after, critics=self._moves(recorded, anew))

    async def _groups(self, order: Order) -> AsyncGenerator[Sequence[Listed], None]:
        group = list[Listed]()
        async with aclosing(self._archive.decisions(order.since, order.until)) as decisions:
            async for listed in decisions:
                group.append(listed)
                if len(group) == AT_ONCE:
                    yield group
                    group = []
        if group:
            yield group

    @asynccontextmanager
    async def _witnessed(
        self, action: str, asker: Asker, *, decision_id: str = "", order: Order | None = None
    ) -> AsyncIterator[_Witnessed]:
        """Record that evidence will be judged again, by whom and how, and afterwards what came of it."""
        who = {"by": asker.subject, "roles": list(asker.roles), "request_id": asker.request_id}
        intent = Intent(
            key=f"{action}/{self._ids.new()}",
            decision_id=decision_id,
            began=self._clock.now(),
            action=action,
            facts=order.facts if order else {},
            note=json.dumps({**who, **(order.told if order else {})}, sort_keys=True),
        )
        witnessed = _Witnessed(evidence=await self._evidence.open(intent, timeout_s=RECORD_S))
        try:
            yield witnessed
        except BaseException as error:
            self._evidence.close(intent, ending(error))
            raise
        self._evidence.close(intent, Ending(result=Result.DONE, facts=witnessed.facts))


def _counted(tally: Tally, listed: Listed, outcome: _Pair | LeftOut) -> VerdictChange | None:
    if isinstance(outcome, LeftOut):
        tally.leave(outcome)
        return None
    before, after = outcome.before, outcome.after
    tally.count(before.verdict, after.verdict)
    if before.verdict is after.verdict:
        return None
    return VerdictChange(
        decision_id=listed.decision_id,
        recorded_at=listed.recorded_at,
        recorded=before.verdict,
        replayed=after.verdict,
        rules=moving_rules(before, after),
        critics=outcome.critics,
    )


def _unreplayable(decision_id: str, why: Recorded | LeftOut) -> CallerError:
    metadata = {"decision_id": decision_id}
    if why is LeftOut.ERASED or why is LeftOut.UNREADABLE:
        message = "the content of the evidence is no more, so the decision cannot be judged again"
        return CallerError(Kind.PRECONDITION, "EVIDENCE_ERASED", message, metadata={**metadata, "body_state": str(why)})
    message = "the evidence was recorded without what its critics read, so it cannot be judged again"
    return CallerError(Kind.PRECONDITION, "EVIDENCE_INCOMPLETE", message, metadata={**metadata, "missing": "context"})


def _nothing_there(order: Order) -> CallerError:
    until = order.until.isoformat() if order.until else "now"
    return CallerError(
        Kind.NOT_FOUND,
        "EVIDENCE_NOT_FOUND",
        f"no decision is on record from {order.since.isoformat()} to {until}",
        metadata={"since": order.since.isoformat(), "until": until},
    )
