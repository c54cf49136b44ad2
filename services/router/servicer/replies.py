"""From values to the wire."""

import math
from collections.abc import Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1 import usage_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.router.core import account
from services.router.core.account import Attempt, Outcome
from services.router.core.answer import Answer
from services.router.core.catalogue import Model
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded

_OUTCOMES: "Mapping[Outcome, usage_pb2.AttemptOutcome.ValueType]" = {
    Outcome.WON: usage_pb2.ATTEMPT_OUTCOME_WON,
    Outcome.FAILED: usage_pb2.ATTEMPT_OUTCOME_FAILED,
    Outcome.CANCELLED: usage_pb2.ATTEMPT_OUTCOME_CANCELLED,
    Outcome.UNKNOWN: usage_pb2.ATTEMPT_OUTCOME_UNKNOWN,
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
        hedge_delay=_duration(timedelta(seconds=plan.hedge_delay_s)) if math.isfinite(plan.hedge_delay_s) else None,
    )


def taken_route(answer: Answer) -> usage_pb2.Route:
    """Return the route that led to ``answer``, with every accounted try."""
    route = planned_route(answer.plan)
    attempts = [_attempt(attempt) for attempt in answer.attempts]
    won = attempts[-1]
    route.MergeFrom(
        usage_pb2.Route(
            provider=answer.provider,
            model=won.model,
            model_version=answer.model_version,
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


def plan_reply(plan: Plan) -> pb.PlanRouteResponse:
    """Return the plan with its estimates."""
    return pb.PlanRouteResponse(
        route=planned_route(plan),
        estimated_input_tokens=plan.input_tokens,
        estimated_cost=_money(plan.estimated_micro_usd),
    )


def listed(model: Model, *, enabled: bool, seen: bool | None) -> pb.Model:
    """Return a model of the catalogue as callers see it."""
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
