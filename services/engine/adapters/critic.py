"""The critic service: screening at the door, and the six critics."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_UNAVAILABLE, CriticEvaluation
from magistrate.critic.v1.critic_pb2 import (
    SCREEN_ACTION_FLAG,
    SCREEN_ACTION_PASS,
    TEXT_KIND_INPUT,
    ReviewRequest,
    ScreenRequest,
)
from magistrate.critic.v1.critic_pb2_grpc import CriticServiceStub
from services.chassis.client import MeshChannel
from services.chassis.clock import Clock
from services.engine.adapters import enums
from services.engine.core.decision import Degraded, Reviewed, Screened, Sealed
from services.engine.core.question import Question

CRITICS = ("rights", "autonomy", "fairness", "truth", "risk", "operations")
"""The critics that a decision needs, in their order of priority (spec 2.1)."""
_ACTIONS = {SCREEN_ACTION_PASS: "pass", SCREEN_ACTION_FLAG: "flag"}


class MeshScreener:
    """Screen questions through ``CriticService.Screen``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = CriticServiceStub(channel)

    async def screen(self, text: str, *, timeout_s: float) -> Screened:
        """Return pass, flag or reject; an action this version does not know is a reject."""
        reply = await self._stub.Screen(ScreenRequest(text=text, kind=TEXT_KIND_INPUT), timeout=timeout_s)
        detectors = tuple(dict.fromkeys(finding.detector for finding in reply.findings))
        return Screened(action=_ACTIONS.get(reply.action, "reject"), detectors=detectors)


class MeshCritics:
    """Have answers judged through ``CriticService.Review``."""

    def __init__(self, channel: MeshChannel, clock: Clock) -> None:
        self._stub = CriticServiceStub(channel)
        self._clock = clock

    async def review(self, question: Question, answer: str, context: str, *, timeout_s: float) -> Reviewed:
        """Return one evaluation a critic; a critic that the reply lacks is unavailable."""
        reply = await self._stub.Review(
            review_request(question, answer, context),
            timeout=timeout_s,
        )
        said = {evaluation.critic: evaluation for evaluation in reply.evaluations}
        evaluations = [said.get(critic) or self._unavailable(critic, "NO_EVALUATION") for critic in CRITICS]
        return Reviewed(
            evaluations=tuple(Sealed(evaluation) for evaluation in evaluations),
            degraded=tuple(_declared(e) for e in evaluations if e.status == EVALUATION_STATUS_UNAVAILABLE),
        )

    def unavailable(self, reason: str) -> Reviewed:
        """Return six evaluations that say that nobody could judge."""
        return Reviewed(evaluations=tuple(Sealed(self._unavailable(critic, reason)) for critic in CRITICS))

    def _unavailable(self, critic: str, reason: str) -> CriticEvaluation:
        sealed_at = Timestamp()
        sealed_at.FromDatetime(self._clock.now())
        return CriticEvaluation(critic=critic, status=EVALUATION_STATUS_UNAVAILABLE, reason=reason, sealed_at=sealed_at)


def review_request(question: Question, answer: str, context: str, critics: Sequence[str] = ()) -> ReviewRequest:
    """Return what critics are shown; without ``critics`` all of them, as they are in force."""
    return ReviewRequest(
        input=question.query, output=answer, context=context, domain=enums.domain(question), critics=critics
    )


def _declared(evaluation: CriticEvaluation) -> Degraded:
    return Degraded(component=f"critic.{evaluation.critic}", fallback="unavailable", reason=evaluation.reason)
