"""What judging past decisions again needs: their evidence, and those who judge."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.engine.core.decision import Sealed, Verdict
from services.engine.core.replay import Judged, LeftOut
from services.engine.ports.deciding import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A decision in the evidence log."""

    decision_id: str
    origin: str
    index: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision as the evidence has it: all that it was judged by, and what came of it."""

    case: Case
    evaluations: Mapping[str, Sealed]
    """What each critic said, in the order of the case."""
    versions: Mapping[str, str]
    """Version of each critic that judged; one that could not is missing."""
    carried: tuple[str, ...]
    """Critics that could not judge then, and ``quality`` where it was not scored."""
    verdict: Verdict
    adjudication: Sealed
    policy: str
    recorded_at: datetime
    redacted: bool
    """Whether credentials were taken out of it."""
    whole: bool
    """Whether it has everything that a critic reads."""

    def having(self, anew: Mapping[str, Sealed]) -> Case:
        """Return the case with what some critics say now."""
        evaluations = tuple({**self.evaluations, **anew}.values())
        return replace(self.case, reviewed=replace(self.case.reviewed, evaluations=evaluations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of judging a recorded case again."""

    evaluations: Mapping[str, Sealed]
    """Of the critics that were asked."""
    report: Sealed | None
    """None where the record was taken as it stands."""
    judged: Judged


class Archive(Protocol):
    """Past decisions, from the evidence log alone."""

    async def find(self, decision_id: str) -> Recorded | LeftOut:
        """Return a decision, or why it cannot be judged again.

        Raises:
            CallerError: DECISION_NOT_FOUND.
        """
        ...

    def decisions(self, since: datetime, until: datetime | None) -> AsyncGenerator[Listed, None]:
        """Yield the tenant's decisions that were recorded in this time, oldest first, page by page."""
        ...

    async def read(self, listed: Listed) -> Recorded | LeftOut:
        """Return a decision, or why it cannot be judged again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The policy to judge by: one that the evaluator has, or one to try out."""

    policy: str = ""
    trial: Sealed | None = None


class Judges(Protocol):
    """Judge past cases. Nobody keeps anything of it, and no model is asked."""

    async def review(self, case: Case, critics: Sequence[str], *, timeout_s: float) -> Mapping[str, Sealed]:
        """Return what these versions of critics say, by critic.

        Raises:
            MeshError: CRITIC_NOT_FOUND, DUPLICATE_ENTRY; DEPENDENCY_UNAVAILABLE, one of them could not judge.
        """
        ...

    async def score(self, case: Case, *, timeout_s: float) -> Sealed:
        """Return the quality report."""
        ...

    async def readjudicate(self, case: Case, rules: Rules, *, timeout_s: float) -> Judged:
        """Return the verdict under ``rules``. Raises MeshError: POLICY_NOT_FOUND, or what is wrong with a trial."""
        ...
