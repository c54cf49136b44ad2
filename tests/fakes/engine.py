"""The rest of the mesh in memory, one fake a port of the engine, each of which can fail or stall on demand."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED, CriticEvaluation
from magistrate.common.v1.judgement_pb2 import Adjudication, QualityReport
from magistrate.common.v1.usage_pb2 import Route
from services.chassis.clock import SystemClock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.engine.adapters.critic import CRITICS, MeshCritics
from services.engine.adapters.evaluator import MeshAdjudicator, MeshScorer
from services.engine.core.decision import (
    Adjudicated,
    Decision,
    Degraded,
    Evidence,
    Gathered,
    Generated,
    Mode,
    Reviewed,
    Scored,
    Screened,
    Sealed,
    Verdict,
)
from services.engine.core.intent import Ending, Intent
from services.engine.core.question import Domain, Question
from services.engine.pipeline import Parts
from services.engine.ports import Case, Feedback, Kept, Page

ANSWER = "Twenty-five days a year."


@dataclass
class FakeMesh:
    """Every port of the pipeline. ``failures`` maps a stage to what it raises, ``stalled`` names stages that hang."""

    failures: dict[str, MeshError] = field(default_factory=dict)
    stalled: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    records: dict[str, Decision] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    opened: list[Intent] = field(default_factory=list)
    closed: list[tuple[Intent, Ending]] = field(default_factory=list)
    screened: Screened = field(default_factory=lambda: Screened(action="pass"))
    gathered: Gathered = field(
        default_factory=lambda: Gathered(text="Leave: 25 days.", chunks=("Leave: 25 days.",), confidence=0.9)
    )
    verdict: Verdict = Verdict.ALLOW
    text_released: bool = True
    evidence: Evidence | None = None
    """What recording answers; None means the next place."""
    disagreed: bool = False
    """Whether the models that voted did not agree."""
    seen: list[Case] = field(default_factory=list)
    arrived: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    left: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """Set when a stage is cancelled."""

    def parts(self) -> Parts:
        """Return this mesh as the pipeline's parts."""
        return Parts(
            screener=self,
            librarian=self,
            generator=self,
            critics=_Critics(self),
            scorer=_Scorer(self),
            adjudicator=_Adjudicator(self),
            evidence=self,
        )

    async def enter(self, stage: str, timeout_s: float) -> None:
        """Note the call; then fail, stall until the time is over, or go on."""
        assert timeout_s > 0
        self.calls.append(stage)
        self.arrived[stage].set()
        try:
            if stage in self.stalled:
                await asyncio.sleep(timeout_s)
                raise WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", f"{stage} took too long")
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(stage)
            self.left[stage].set()
            raise
        if stage in self.failures:
            raise self.failures[stage]

    async def screen(self, text: str, *, timeout_s: float) -> Screened:
        """Return what the test said."""
        assert text
        await self.enter("screen", timeout_s)
        return self.screened

    async def gather(self, question: Question, *, timeout_s: float) -> Gathered:
        """Return what the test said."""
        assert question.query
        await self.enter("context", timeout_s)
        return self.gathered

    async def generate(self, question: Question, context: str, intent: Intent, *, timeout_s: float) -> Generated:
        """Return the one answer."""
        assert question.query
        assert intent in self.opened
        await self.enter("route", timeout_s)
        return Generated(
            text=ANSWER, model="tiny", route=Sealed(Route(provider="local", model="tiny")), disagreed=self.disagreed
        )

    async def open(self, intent: Intent, *, timeout_s: float) -> Evidence:
        """Keep that a decision is about to be made; fails, and stalls, as the stage ``intent``."""
        assert timeout_s > 0
        if "intent" in self.stalled:
            await asyncio.sleep(timeout_s)
        if "intent" in self.failures:
            raise self.failures["intent"]
        self.opened.append(intent)
        return Evidence(origin="evidence/test/acme/2026h2", index=len(self.opened), leaf_hash=bytes(32))

    def close(self, intent: Intent, ending: Ending) -> None:
        """Keep how it ended."""
        self.closed.append((intent, ending))

    async def append(self, decision: Decision, intent: Intent, *, timeout_s: float) -> Evidence:
        """Keep the decision; the same id twice is a conflict, as in the recorder."""
        assert decision.question.query
        await self.enter("record", timeout_s)
        if decision.decision_id in self.records:
            raise CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", "recorded before with other content")
        self.records[decision.decision_id] = decision
        if self.evidence:
            return self.evidence
        return Evidence(origin="evidence/test/acme/2026h2", index=len(self.records) - 1, leaf_hash=bytes(32))

    async def append_rejection(self, decision_id: str, screened: Screened, *, timeout_s: float) -> None:
        """Keep the refusal."""
        assert decision_id
        await self.enter("refusal", timeout_s)
        self.refusals.extend(screened.detectors)


class _Critics(MeshCritics):
    def __init__(self, mesh: FakeMesh) -> None:
        self._mesh = mesh
        self._clock = SystemClock()

    async def review(self, question: Question, answer: str, context: str, *, timeout_s: float) -> Reviewed:
        """Return six clean evaluations."""
        await self._mesh.enter("review", timeout_s)
        status = EVALUATION_STATUS_EVALUATED
        return Reviewed(evaluations=tuple(Sealed(CriticEvaluation(critic=name, status=status)) for name in CRITICS))


class _Scorer(MeshScorer):
    def __init__(self, mesh: FakeMesh) -> None:
        self._mesh = mesh

    async def score(
        self, question: Question, answer: str, chunks: Sequence[str], decision_id: str, *, timeout_s: float
    ) -> Scored:
        """Return a report with a value."""
        await self._mesh.enter("score", timeout_s)
        return Scored(report=Sealed(QualityReport(overall=0.8)))


class _Adjudicator(MeshAdjudicator):
    def __init__(self, mesh: FakeMesh) -> None:
        self._mesh = mesh

    async def adjudicate(self, case: Case, *, timeout_s: float) -> Adjudicated:
        """Return the verdict that the test said."""
        await self._mesh.enter("adjudicate", timeout_s)
        self._mesh.seen.append(case)
        return Adjudicated(
            verdict=self._mesh.verdict,
            text_released=self._mesh.text_released,
            explanation="as told",
            highest_tier=0,
            adjudication=Sealed(Adjudication()),
        )


@dataclass
class FakeStore:
    """Decisions in a dictionary."""

    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)
    domains: dict[tuple[str, str], tuple[Verdict, Domain]] = field(default_factory=dict)
    feedback: dict[tuple[str, str], Feedback] = field(default_factory=dict)
    failure: MeshError | None = None

    async def find(self, tenant: str, decision_id: str) -> Kept | None:
        """Return the decision, or None."""
        return self.kept.get((tenant, decision_id))

    async def keep(
        self, tenant: str, kept: Kept, verdict: Verdict, asked: Question, feedback: Feedback | None, *, requester: str
    ) -> None:
        """Keep it, or fail as told."""
        if self.failure:
            raise self.failure
        self.kept.setdefault((tenant, kept.decision_id), kept)
        if feedback:
            self.feedback[tenant, kept.decision_id] = feedback
        self.domains[tenant, kept.decision_id] = (verdict, asked.domain)

    async def page(self, tenant: str, page: Page) -> Sequence[Kept]:
        """Return one more than a page, newest first."""
        rows = sorted(
            (kept for (owner, _), kept in self.kept.items() if owner == tenant),
            key=lambda kept: (kept.created_at, kept.decision_id),
            reverse=True,
        )
        wanted = [
            kept
            for kept in rows
            if (page.after is None or (kept.created_at, kept.decision_id) < page.after)
            and page.verdict in (None, self.domains[tenant, kept.decision_id][0])
            and page.domain in (None, self.domains[tenant, kept.decision_id][1])
        ]
        return wanted[: page.size + 1]


def down(reason: str = "DEPENDENCY_UNAVAILABLE") -> MeshError:
    """Return what a call to a dead service raises."""
    return unavailable(reason, "it is down")


DEGRADED = Gathered(
    mode=Mode.CACHE_ONLY,
    degraded=(Degraded(component="context.store", fallback="local_copy", reason="STORE_UNAVAILABLE"),),
)
