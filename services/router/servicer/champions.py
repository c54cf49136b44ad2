"""Champion and challengers on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.router.v1 import router_pb2 as pb
from services.chassis import call
from services.chassis.clock import Clock
from services.chassis.errors import invalid
from services.router.championing.championship import Championship, Said, Wish
from services.router.core.champion.change import Change, Kind, Recorded
from services.router.core.champion.contest import due
from services.router.core.champion.report import Arena, Report, Scored
from services.router.core.champion.track import Track
from services.router.core.standing import Standing
from services.router.ports import Page, Reading
from services.router.servicer import requests

MAX_SCORES = 1_000
_DIGITS = 19
"""Of the largest whole number that a row version can be."""
_KINDS: "Mapping[Kind, pb.ChampionChangeKind.ValueType]" = {
    Kind.FIRST: pb.CHAMPION_CHANGE_KIND_FIRST,
    Kind.PROMOTION: pb.CHAMPION_CHANGE_KIND_PROMOTION,
    Kind.DEMOTION: pb.CHAMPION_CHANGE_KIND_DEMOTION,
    Kind.ROLLBACK: pb.CHAMPION_CHANGE_KIND_ROLLBACK,
}
_InArena = pb.GetChampionRequest | pb.PromoteModelRequest | pb.DemoteModelRequest | pb.ReportScoreRequest


@dataclass(frozen=True, kw_only=True)
class ChampionCalls:
    """The four RPCs of champions."""

    championship: Championship
    clock: Clock

    async def get(self, request: pb.GetChampionRequest) -> pb.GetChampionResponse:
        """Return one consistent reading."""
        page = _page(request)
        reading = await self.championship.read(_arena(request), page)
        reply = self._reading(reading)
        if page and len(reading.scores) == page.size:
            reply.next_score_page_token = str(reading.scores[-1].version)
        return reply

    async def promote(self, request: pb.PromoteModelRequest) -> pb.PromoteModelResponse:
        """Make a model the champion."""
        said = await self.championship.promote(_arena(request), _wish(request))
        return pb.PromoteModelResponse(version=said.version, change=_said(said))

    async def demote(self, request: pb.DemoteModelRequest) -> pb.DemoteModelResponse:
        """Take the champion down."""
        said = await self.championship.demote(_arena(request), _wish(request))
        return pb.DemoteModelResponse(version=said.version, change=_said(said))

    async def report(self, request: pb.ReportScoreRequest) -> pb.ReportScoreResponse:
        """Count a score."""
        arena = _arena(request)
        report = Report(
            decision_id=request.decision_id,
            model=request.model,
            score=request.score,
            propensity=request.propensity or 1.0,
            champion_version=request.champion_version,
            heuristic=request.heuristic,
            fell_back=request.fell_back,
            at=self.clock.now(),
        )
        counted = await self.championship.report(arena, report)
        return pb.ReportScoreResponse(already_counted=counted.before, version=counted.version)

    def _reading(self, reading: Reading) -> pb.GetChampionResponse:
        contest, rules = reading.contest, self.championship.rules
        champion = contest.standings.champion
        proposal = None if rules.auto_promote else due(contest, rules)
        return pb.GetChampionResponse(
            champion=_standing(champion, contest.track(champion.model), rules.bound_risk) if champion else None,
            challengers=[_standing(track.standing, track, rules.bound_risk) for track in contest.challengers],
            version=contest.version,
            changed_at=_moment(contest.changed_at) if contest.changed_at else None,
            history=[_recorded(change) for change in reading.history],
            proposal=_change(proposal) if proposal else None,
            auto_promote=rules.auto_promote,
            scores=[_scored(score) for score in reading.scores],
        )


def _arena(request: _InArena) -> Arena:
    domain, task = requests.field_of_work(request.domain, request.task_type)
    return Arena(tenant=call.tenant(), domain=domain, task=task)


def _wish(request: pb.PromoteModelRequest | pb.DemoteModelRequest) -> Wish:
    return Wish(
        model=request.model,
        by=call.current().principal.subject,
        reason=request.reason,
        expected_version=request.expected_version,
    )


def _page(request: pb.GetChampionRequest) -> Page | None:
    """Return the page of scores that is asked for. Raises CallerError FIELD_OUT_OF_RANGE, FIELD_MALFORMED."""
    if not 0 <= request.score_page_size <= MAX_SCORES:
        raise invalid("score_page_size", f"must be 0 to {MAX_SCORES}", value=request.score_page_size)
    token = request.score_page_token
    if token and not (token.isascii() and token.isdigit() and len(token) < _DIGITS):
        raise invalid("score_page_token", "is not a token of a reply", reason="FIELD_MALFORMED")
    return Page(size=request.score_page_size, after=int(token or 0)) if request.score_page_size else None


def _said(said: Said) -> pb.ChampionChange | None:
    return _recorded(said.recorded) if said.recorded else None


def _standing(standing: Standing, track: Track | None, risk: float) -> pb.Standing:
    return pb.Standing(
        model=standing.model,
        ema=standing.ema,
        count=standing.count,
        peak=standing.peak,
        lowest=standing.lowest,
        trend=standing.trend,
        mean=standing.mean,
        deviation=standing.deviation,
        lower_bound=track.confidence.lower(risk) if track else 0.0,
        upper_bound=track.confidence.upper(risk) if track else 1.0,
    )


def _recorded(recorded: Recorded) -> pb.ChampionChange:
    message = _change(recorded.change)
    message.change_id, message.version = recorded.change_id, recorded.version
    message.changed_at.FromDatetime(recorded.at)
    return message


def _change(change: Change) -> pb.ChampionChange:
    return pb.ChampionChange(
        kind=_KINDS[change.kind],
        champion=change.champion,
        previous=change.previous,
        actor=change.actor,
        reason=change.reason,
        risk=change.risk,
        figures=[
            pb.ChangeFigures(
                model=each.model, ema=each.ema, count=each.count, lower_bound=each.lower, upper_bound=each.upper
            )
            for each in change.figures
        ],
    )


def _scored(scored: Scored) -> pb.ScoreEntry:
    report = scored.report
    return pb.ScoreEntry(
        version=scored.version,
        decision_id=report.decision_id,
        model=report.model,
        score=report.score,
        propensity=report.propensity,
        champion_version=report.champion_version,
        heuristic=report.heuristic,
        fell_back=report.fell_back,
        reported_at=_moment(report.at),
    )


def _moment(at: datetime) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(at)
    return moment
