"""What of a decision teaches the router something, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED, EVALUATION_STATUS_NOT_EVALUATED
from magistrate.common.v1.judgement_pb2 import QualityReport, QualityScore
from magistrate.common.v1.task_pb2 import DOMAIN_MARKET, TASK_TYPE_REASONING
from magistrate.common.v1.usage_pb2 import CacheHit, Route
from magistrate.router.v1.router_pb2 import ReportScoreRequest
from services.chassis.clock import RandomIds, SystemClock
from services.engine.adapters.feedback import feedback
from services.engine.core.budget import Limits
from services.engine.core.decision import Decision, Generated, Scored, Sealed
from services.engine.core.question import Domain, Question, TaskType
from services.engine.pipeline import Pipeline
from tests.fakes.engine import FakeMesh


def routed(model: str = "gpt-4o-mini", *, provider: str = "openai", cache_hit: CacheHit | None = None) -> Route:
    """Return the route of an answer that openai was to give."""
    return Route(
        provider=provider,
        provider_order=["openai", "local"],
        model=model,
        propensity=0.95,
        champion_version=7,
        cache_hit=cache_hit,
    )


ROUTE = routed()
MEASURED = ("relevance", "coherence", "context_overlap")


def report(overall: float = 0.75, coverage: float = 0.65, judge: str = "JUDGE_NOT_CONFIGURED") -> QualityReport:
    """Return a report whose judged dimensions have no value for the reason ``judge``; an empty one gives a value."""
    scores = [QualityScore(dimension=name, status=EVALUATION_STATUS_EVALUATED, value=0.7) for name in MEASURED]
    status = EVALUATION_STATUS_NOT_EVALUATED if judge else EVALUATION_STATUS_EVALUATED
    judged = [
        QualityScore(dimension=name, status=status, reason=judge) for name in ("correctness", "policy_compliance")
    ]
    return QualityReport(scores=[*scores, *judged], overall=overall, coverage=coverage)


async def decided(quality: QualityReport, route: Route = ROUTE) -> Decision:
    """Return a decision with a quality and a route."""
    question = Question(query="How many days of leave?", domain=Domain.MARKET, task_type=TaskType.REASONING)
    pipeline = Pipeline(FakeMesh().parts(), clock=SystemClock(), ids=RandomIds(), limits=Limits())
    decision = await pipeline.decide(question, decision_id="d-1", request_id="r-1", time_s=30)
    return replace(
        decision,
        scored=Scored(report=Sealed(quality)),
        generated=Generated(text="25", model=route.model, route=Sealed(route)),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.spec("EVL-07", "RTR-24")
async def test_an_evaluated_answer_is_told_with_its_route() -> None:
    """Decision, field of work, model, score, and how the model came to be asked."""
    body = feedback(await decided(report()))

    assert body is not None
    assert ReportScoreRequest.FromString(body) == ReportScoreRequest(
        decision_id="d-1",
        domain=DOMAIN_MARKET,
        task_type=TASK_TYPE_REASONING,
        model="gpt-4o-mini",
        score=0.75,
        propensity=0.95,
        champion_version=7,
    )


@pytest.mark.spec("T16", "EVL-03", "EVL-07")
@pytest.mark.parametrize(
    ("quality", "route"),
    [
        (report(overall=0.0, coverage=0.0), ROUTE),
        (report(coverage=0.39), ROUTE),
        (report(overall=float("nan")), ROUTE),
        (report(overall=1.5), ROUTE),
        (report(), routed("")),
        (report(), routed(cache_hit=CacheHit(source_call_id="c-1"))),
    ],
    ids=["nothing evaluated", "too little", "no number", "beyond 1", "no model", "given before"],
)
async def test_what_teaches_nothing_is_not_told(quality: QualityReport, route: Route) -> None:
    """A judge that timed out leaves no number; a cached answer was scored when it was made."""
    assert feedback(await decided(quality, route)) is None


@pytest.mark.spec("EVL-09", "T16")
@pytest.mark.parametrize(
    ("judge", "stands_in"), [("JUDGE_NOT_CONFIGURED", False), ("", False), ("JUDGE_TIMEOUT", True)]
)
async def test_a_score_without_its_judge_is_flagged(judge: str, stands_in: bool) -> None:
    """Where a judge is part of the mesh and did not answer, the rest is a stand-in; where there is none, it is not."""
    body = feedback(await decided(report(judge=judge)))

    assert ReportScoreRequest.FromString(body or b"").heuristic is stands_in


async def test_an_answer_of_another_provider_than_the_first_is_flagged() -> None:
    """Nobody drew it."""
    body = feedback(await decided(report(), routed(provider="local")))

    assert ReportScoreRequest.FromString(body or b"").fell_back
