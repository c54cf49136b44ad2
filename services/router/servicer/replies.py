"""From values to the wire."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1 import usage_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.router.caching.ports import Lookup
from services.router.core import account
from services.router.core.account import Attempt, Outcome
from services.router.core.answer import Answer, CacheHit
from services.router.core.caching.use import Level
from services.router.core.catalogue import Model
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded
from services.router.core.vote import Vote

_OUTCOMES: "Mapping[Outcome, usage_pb2.AttemptOutcome.ValueType]" = {
    Outcome.WON: usage_pb2.ATTEMPT_OUTCOME_WON,
    Outcome.FAILED: usage_pb2.ATTEMPT_OUTCOME_FAILED,
    Outcome.CANCELLED: usage_pb2.ATTEMPT_OUTCOME_CANCELLED,
    Outcome.UNKNOWN: usage_pb2.ATTEMPT_OUTCOME_UNKNOWN,
}
_LEVELS: "Mapping[Level, usage_pb2.CacheLevel.ValueType]" = {
    Level.SHARED_CALL: usage_pb2.CACHE_LEVEL_SHARED_CALL,
    Level.MEMORY: usage_pb2.CACHE_LEVEL_MEMORY,
    Level.SHARED: usage_pb2.CACHE_LEVEL_SHARED,
    Level.SEMANTIC: usage_pb2.CACHE_LEVEL_SEMANTIC,
}
_HEALTH: "Mapping[bool | None, pb.ModelHealth.ValueType]" = {
    True: pb.MODEL_HEALTH_HEALTHY,
    False: pb.MODEL_HEALTH_UNHEALTHY,
    None: pb.MODEL_HEALTH_UNSPECIFIED,
}


def planned_route(plan: Plan) -> usage_pb2.Route:
    """Return the route as it would be taken, with no tries."""
    return usage_pb2.Route(
        strategy=plan.strategy,
        provider_order=plan.order,
        provider=plan.models[0].provider,
        model=plan.models[0].name,
        template=plan.template.id,
        template_sha256=plan.template.sha256,
        explanation=plan.explanation,
        hedge_delay=_hedge_delay(plan),
        place=plan.place_of(plan.models[0].provider),
        champion_version=plan.champion_version,
        propensity=plan.propensity,
        explored=plan.explored,
        complexity=plan.complexity,
    )


def _hedge_delay(plan: Plan) -> Duration | None:
    """Return when the next provider joins; None where none may, or the voters are asked side by side."""
    alone = len(plan.models) == 1 or bool(plan.seats)
    return None if alone or math.isinf(plan.hedge_delay_s) else _duration(timedelta(seconds=plan.hedge_delay_s))


def taken_route(answer: Answer) -> usage_pb2.Route:
    """Return the route that led to ``answer``, with every accounted try."""
    route = planned_route(answer.plan)
    if answer.cache_hit:
        route.MergeFrom(_found_route(answer, answer.cache_hit))
        return route
    attempts = [_attempt(attempt) for attempt in answer.attempts]
    won = attempts[-1]
    route.MergeFrom(
        usage_pb2.Route(
            provider=answer.provider,
            model=won.model,
            model_version=answer.model_version,
            place=answer.plan.place_of(answer.provider),
            vote=_vote(answer.vote) if answer.vote else None,
            attempt_count=answer.started,
            call_id=answer.call_id,
            attempts=attempts,
            usage=won.usage,
            cost=_money(account.total_micro_usd(answer.attempts)),
            reserved=_money(answer.reserved_micro_usd),
            recoveries=answer.recoveries,
        )
    )
    return route


def discard(event: Discarded) -> pb.GenerateStreamResponse:
    """Return the word that what was streamed is void."""
    word = pb.Discard(characters=event.characters, provider=event.provider, reason=event.reason)
    return pb.GenerateStreamResponse(discard=word)


def _found_route(answer: Answer, hit: CacheHit) -> usage_pb2.Route:
    """Return what is known of an answer that no model was asked for: nothing was tried, nothing was paid."""
    return usage_pb2.Route(
        provider=answer.provider,
        model=hit.model,
        model_version=answer.model_version,
        place=answer.plan.place_of(answer.provider),
        vote=_vote(answer.vote) if answer.vote else None,
        cost=_money(0),
        cache_hit=usage_pb2.CacheHit(
            level=_LEVELS[hit.level],
            source_call_id=hit.source_call_id,
            similarity=hit.similarity,
            age=_duration(hit.age),
        ),
    )


def plan_reply(plan: Plan) -> pb.PlanRouteResponse:
    """Return the plan with its estimates."""
    return pb.PlanRouteResponse(
        route=planned_route(plan),
        estimated_input_tokens=plan.input_tokens,
        estimated_cost=_money(plan.estimated_micro_usd),
        models=_planned(plan),
        left_out=[
            pb.LeftOutModel(name=left.model.name, provider=left.model.provider, reason=left.why)
            for left in plan.left_out
        ],
    )


def _planned(plan: Plan) -> list[pb.PlannedModel]:
    asked = [seat.model for seat in plan.seats] or plan.models
    return [
        pb.PlannedModel(
            name=model.name,
            provider=model.provider,
            tier=model.tier.value,
            place="voter" if plan.seats else plan.place_of(model.provider),
            figure=plan.figures.get(model.name, ""),
            estimated_cost=_money(plan.price_of(model)),
        )
        for model in asked
    ]


def _vote(vote: Vote) -> usage_pb2.Vote:
    return usage_pb2.Vote(
        rule=vote.rule.value,
        consensus=vote.consensus,
        agreed=vote.agreed,
        ballots=[
            usage_pb2.Ballot(
                provider=ballot.seat.model.provider,
                model=ballot.seat.model.name,
                group=-1 if ballot.group is None else ballot.group,
                weight=ballot.seat.weight,
                reason=ballot.reason,
                call_id=ballot.call_id,
            )
            for ballot in vote.ballots
        ],
    )


def listed(model: Model, *, enabled: bool, seen: bool | None, measured_s: float | None = None) -> pb.Model:
    """Return a model of the catalogue as callers see it; ``measured_s`` is its time to the first token, if known."""
    return pb.Model(
        name=model.name,
        provider=model.provider,
        tier=model.tier.value,
        context_tokens=model.context_tokens,
        input_price_per_million=_money(model.price.input_micro_usd_per_million),
        output_price_per_million=_money(model.price.output_micro_usd_per_million),
        capabilities=model.capabilities,
        enabled=enabled,
        health=_HEALTH[seen],
        expected_quality=model.quality,
        expected_first_token=_duration(timedelta(seconds=model.first_token_s)),
        measured_first_token=None if measured_s is None else _duration(timedelta(seconds=measured_s)),
    )


def cache_stats(seen: Callable[[Level, Lookup], int]) -> pb.GetCacheStatsResponse:
    """Return a row for each level, with how often ``seen`` says its look-ups ended how."""
    return pb.GetCacheStatsResponse(
        levels=[
            pb.CacheLevelStats(
                level=value, hits=seen(level, "hit"), misses=seen(level, "miss"), errors=seen(level, "error")
            )
            for level, value in _LEVELS.items()
        ]
    )


def _attempt(attempt: Attempt) -> usage_pb2.Attempt:
    started_at = Timestamp()
    started_at.FromDatetime(attempt.started_at)
    return usage_pb2.Attempt(
        provider=attempt.model.provider,
        model=attempt.model.name,
        outcome=_OUTCOMES[attempt.outcome],
        started_at=started_at,
        first_token_after=None if attempt.first_token_after is None else _duration(attempt.first_token_after),
        duration=_duration(attempt.duration),
        usage=usage_pb2.TokenUsage(
            input_tokens=attempt.usage.input_tokens,
            output_tokens=attempt.usage.output_tokens,
            estimated=attempt.usage.estimated,
        ),
        cost=_money(attempt.micro_usd),
        reason=attempt.reason,
        key_fingerprint=attempt.key_fingerprint,
    )


def _money(micro_usd: int) -> usage_pb2.Money:
    return usage_pb2.Money(micro_usd=micro_usd)


def _duration(delta: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(delta)
    return duration
