"""Scores an answer, and scores less of it rather than failing when embeddings cannot be had."""

from dataclasses import dataclass

from services.chassis.errors import WorldError
from services.chassis.log import get_logger
from services.evaluator.core.measures import Answer, measure, unmeasured
from services.evaluator.core.quality import Report, Rubric, report
from services.evaluator.ports import Embedder

_log = get_logger("evaluator.scorer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A report, and why embeddings are missing from it where they are."""

    report: Report
    failure: str = ""
    """An ErrorReason name; empty where everything worked."""


class Scorer:
    """Measures answers with the embeddings of one port."""

    def __init__(self, embedder: Embedder, *, pass_mark: float) -> None:
        self._embedder = embedder
        self._pass_mark = pass_mark

    async def score(self, answer: Answer, rubric: Rubric) -> Scored:
        """Return the five scores; correctness and policy compliance need a judge and say so."""
        try:
            vectors = await self._embedder.embed(answer.texts)
        except WorldError as failure:
            _log.warning("score_degraded", reason=failure.reason, component="context.embeddings")
            scores = unmeasured(failure.reason)
            return Scored(report=report(scores, rubric, threshold=self._pass_mark), failure=failure.reason)
        return Scored(report=report(measure(answer, vectors), rubric, threshold=self._pass_mark))
