"""The engine's generator and adjudicator before a router and an evaluator in this process."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from magistrate.common.v1.judgement_pb2 import VERDICT_ESCALATE, Adjudication, QualityReport
from magistrate.common.v1.usage_pb2 import Route, Vote
from magistrate.evaluator.v1.evaluator_pb2 import AdjudicateRequest, AdjudicateResponse
from magistrate.evaluator.v1.evaluator_pb2_grpc import EvaluatorServiceServicer, add_EvaluatorServiceServicer_to_server
from magistrate.router.v1 import router_pb2
from magistrate.router.v1.router_pb2 import GenerateRequest, GenerateResponse
from magistrate.router.v1.router_pb2_grpc import RouterServiceServicer, add_RouterServiceServicer_to_server
from services.chassis.testing import Registration, serving
from services.engine.adapters.evaluator import MeshAdjudicator
from services.engine.adapters.router import MeshGenerator
from services.engine.core.decision import Gathered, Generated, Reviewed, Sealed
from services.engine.core.intent import Intent
from services.engine.core.question import Domain, Question, TaskType
from services.engine.ports import Case

INTENT = Intent(key="d-1/run-1", decision_id="d-1", began=datetime(2026, 11, 20, tzinfo=UTC))


def question(**changes: Any) -> Question:
    """Return a good question, or one with fields changed."""
    return Question(query="How many?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS, **changes)


@dataclass
class Router(RouterServiceServicer):
    """Answers with one route."""

    route: Route
    asked: list[GenerateRequest] = field(default_factory=list)

    async def Generate(self, request: GenerateRequest, _context: Any) -> GenerateResponse:  # noqa: N802
        """Return the answer."""
        self.asked.append(request)
        return GenerateResponse(text="25", route=self.route)


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize(
    ("changes", "route", "rule", "disagreed"),
    [
        ({}, Route(), router_pb2.VOTING_RULE_UNSPECIFIED, False),
        ({"high_impact": True}, Route(vote=Vote(agreed=True)), router_pb2.VOTING_RULE_MAJORITY, False),
        ({"high_impact": True}, Route(vote=Vote(agreed=False)), router_pb2.VOTING_RULE_MAJORITY, True),
        ({"high_impact": True}, Route(), router_pb2.VOTING_RULE_MAJORITY, True),
        ({"high_impact": True, "voting_rule": "none"}, Route(), router_pb2.VOTING_RULE_UNSPECIFIED, False),
        ({"voting_rule": "confidence"}, Route(vote=Vote(agreed=True)), router_pb2.VOTING_RULE_CONFIDENCE, False),
        ({"voting_rule": "weighted"}, Route(vote=Vote(agreed=True)), router_pb2.VOTING_RULE_WEIGHTED, False),
        ({"voting_rule": "unanimous"}, Route(vote=Vote(agreed=True)), router_pb2.VOTING_RULE_UNANIMOUS, False),
    ],
)
async def test_a_vote_is_asked_for_and_one_that_is_missing_counts_as_no_agreement(
    changes: dict[str, Any], route: Route, rule: int, disagreed: bool
) -> None:
    """The rule reaches the router; what it says of the vote reaches the verdict; silence about it fails closed."""
    router = Router(route)
    registration = Registration(add_RouterServiceServicer_to_server, router, "magistrate.router.v1.RouterService")
    async with serving([registration]) as channel:
        generator = MeshGenerator(channel, high_impact_rule="majority")
        generated = await generator.generate(question(tool_count=4, **changes), "context", INTENT, timeout_s=5)

    assert (router.asked[0].routing.decision_id, router.asked[0].routing.intent_key) == ("d-1", "d-1/run-1")
    assert (router.asked[0].routing.voting_rule, router.asked[0].routing.tool_count) == (rule, 4)
    assert generated.disagreed is disagreed


@dataclass
class Evaluator(EvaluatorServiceServicer):
    """Escalates everything."""

    asked: list[AdjudicateRequest] = field(default_factory=list)

    async def Adjudicate(self, request: AdjudicateRequest, _context: Any) -> AdjudicateResponse:  # noqa: N802
        """Return the verdict."""
        self.asked.append(request)
        return AdjudicateResponse(adjudication=Adjudication(verdict=VERDICT_ESCALATE))


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize("disagreed", [True, False])
async def test_the_evaluator_learns_whether_the_models_disagree(disagreed: bool) -> None:
    """In a field of its own, not by the name of a degraded part."""
    evaluator = Evaluator()
    registration = Registration(
        add_EvaluatorServiceServicer_to_server, evaluator, "magistrate.evaluator.v1.EvaluatorService"
    )
    case = Case(
        decision_id="d-1",
        question=question(),
        gathered=Gathered(),
        generated=Generated(text="25", model="tiny", route=Sealed(Route()), disagreed=disagreed),
        reviewed=Reviewed(evaluations=()),
        report=Sealed(QualityReport()),
        degraded=(),
    )
    async with serving([registration]) as channel:
        await MeshAdjudicator(channel).adjudicate(case, timeout_s=5)

    assert evaluator.asked[0].models_disagree is disagreed


@pytest.mark.spec("E1", "CCH-01")
@pytest.mark.parametrize(
    ("changes", "use"),
    [
        ({}, router_pb2.CACHE_USE_UNSPECIFIED),
        ({"fresh": True}, router_pb2.CACHE_USE_REFRESH),
        ({"subject_id": "person-1"}, router_pb2.CACHE_USE_BYPASS),
        ({"subject_id": "person-1", "fresh": True}, router_pb2.CACHE_USE_BYPASS),
    ],
)
async def test_what_is_about_a_person_is_in_no_cache(changes: dict[str, Any], use: int) -> None:
    """An erasure would not find it there, so it is neither taken from a cache nor put into one."""
    router = Router(Route())
    registration = Registration(add_RouterServiceServicer_to_server, router, "magistrate.router.v1.RouterService")
    async with serving([registration]) as channel:
        generator = MeshGenerator(channel, high_impact_rule="none")
        await generator.generate(question(**changes), "context", INTENT, timeout_s=5)

    assert router.asked[0].routing.cache_use == use
