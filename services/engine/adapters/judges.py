"""Critics and evaluator as judges of past cases: the very services that judge new ones, told which version to be."""

from collections.abc import Mapping, Sequence
from typing import cast

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED
from magistrate.common.v1.judgement_pb2 import Policy
from magistrate.critic.v1.critic_pb2_grpc import CriticServiceStub
from magistrate.evaluator.v1.evaluator_pb2 import ReadjudicateRequest
from magistrate.evaluator.v1.evaluator_pb2_grpc import EvaluatorServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import unavailable
from services.engine.adapters.critic import review_request
from services.engine.adapters.evaluator import MeshScorer, adjudicate_request, verdict_of
from services.engine.core.decision import Sealed
from services.engine.core.replay import Judged
from services.engine.ports import Case, Rules


class MeshJudges:
    """Judge past cases through ``CriticService`` and ``EvaluatorService``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._critic = CriticServiceStub(channel)
        self._evaluator = EvaluatorServiceStub(channel)
        self._scorer = MeshScorer(channel)

    async def review(self, case: Case, critics: Sequence[str], *, timeout_s: float) -> Mapping[str, Sealed]:
        """Return what these versions of critics say, by critic.

        Raises:
            MeshError: as ``CriticService.Review`` says; DEPENDENCY_UNAVAILABLE, one of them could not judge: its
                silence now is no finding about then.
        """
        request = review_request(case.question, case.generated.text, case.gathered.text, critics)
        reply = await self._critic.Review(request, timeout=timeout_s)
        silent = [each for each in reply.evaluations if each.status != EVALUATION_STATUS_EVALUATED]
        if silent:
            message = f"critic {silent[0].critic} could not judge again: {silent[0].reason}"
            raise unavailable("DEPENDENCY_UNAVAILABLE", message)
        return {each.critic: Sealed(each) for each in reply.evaluations}

    async def score(self, case: Case, *, timeout_s: float) -> Sealed:
        """Return the quality report.

        Raises:
            MeshError: as ``EvaluatorService.Score`` says; DEPENDENCY_UNAVAILABLE, embeddings cannot be had now.
        """
        scored = await self._scorer.score(
            case.question, case.generated.text, case.gathered.chunks, case.decision_id, timeout_s=timeout_s
        )
        if scored.degraded:
            missing = scored.degraded[0]
            message = f"{missing.component} could not be had again: {missing.reason}"
            raise unavailable("DEPENDENCY_UNAVAILABLE", message)
        return scored.report

    async def readjudicate(self, case: Case, rules: Rules, *, timeout_s: float) -> Judged:
        """Return the verdict under ``rules``. Raises MeshError as ``EvaluatorService.Readjudicate`` says."""
        request = ReadjudicateRequest(case=adjudicate_request(case))
        if rules.trial is not None:
            request.trial.CopyFrom(cast("Policy", rules.trial))
        else:
            request.policy = rules.policy
        said = (await self._evaluator.Readjudicate(request, timeout=timeout_s)).adjudication
        return Judged(verdict=verdict_of(said), grounds=tuple(said.grounds), adjudication=Sealed(said))
