"""What the pipeline needs of the rest of the mesh. Every call gets the seconds it may take and raises ``MeshError``."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.engine.core.decision import (
    Adjudicated,
    Decision,
    Degraded,
    Evidence,
    Gathered,
    Generated,
    Reviewed,
    Scored,
    Screened,
    Sealed,
    Verdict,
)
from services.engine.core.erasure import Erasure
from services.engine.core.intent import Ending, Intent
from services.engine.core.question import Domain, Question
from services.engine.core.replay import Judged, LeftOut


class Screener(Protocol):
    """Look at a question before anything else does."""

    async def screen(self, text: str, *, timeout_s: float) -> Screened:
        """Return what is to be done with ``text``."""
        ...


class Librarian(Protocol):
    """Gather what the model needs to know."""

    async def gather(self, question: Question, *, timeout_s: float) -> Gathered:
        """Return the context, which declares its own degradation."""
        ...


class Generator(Protocol):
    """Have a model answer."""

    async def generate(self, question: Question, context: str, intent: Intent, *, timeout_s: float) -> Generated:
        """Return the answer and its route; every try at a provider becomes evidence that names the intent."""
        ...


class Critics(Protocol):
    """Have the answer judged from six sides."""

    async def review(self, question: Question, answer: str, context: str, *, timeout_s: float) -> Reviewed:
        """Return one evaluation a critic."""
        ...

    def unavailable(self, reason: str) -> Reviewed:
        """Return the evaluations of critics that could not be asked."""
        ...


class Scorer(Protocol):
    """Measure how good the answer is."""

    async def score(
        self, question: Question, answer: str, chunks: Sequence[str], decision_id: str, *, timeout_s: float
    ) -> Scored:
        """Return the quality report."""
        ...

    def unavailable(self, reason: str) -> Scored:
        """Return the report of an answer that could not be scored."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is weighed for a verdict."""

    decision_id: str
    question: Question
    gathered: Gathered
    generated: Generated
    reviewed: Reviewed
    report: Sealed
    degraded: tuple[Degraded, ...]


class Adjudicator(Protocol):
    """Weigh it all."""

    async def adjudicate(self, case: Case, *, timeout_s: float) -> Adjudicated:
        """Return the verdict."""
        ...

    def unavailable(self, reason: str) -> Adjudicated:
        """Return the outcome of a case that could not be weighed: no verdict, nothing released."""
        ...


class EvidenceLog(Protocol):
    """Keep evidence."""

    async def open(self, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return where it stands, once it is durable, that something is about to be done."""
        ...

    async def append(self, decision: Decision, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return where the decision stands once it is durable and its intent closed.

        The same decision id always names the same record.
        """
        ...

    def close(self, intent: Intent, ending: Ending) -> None:
        """Record beside the calls how an intent ended that no decision closed."""
        ...

    async def append_rejection(self, decision_id: str, screened: Screened, *, timeout_s: float) -> None:
        """Keep the fact that a question was refused at the door."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of decisions, newest first, to begin after a place."""

    size: int
    after: tuple[datetime, str] | None
    verdict: Verdict | None
    domain: Domain | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A decision as it was released: the engine's own bytes, with what lists need to know of it."""

    decision_id: str
    created_at: datetime
    question_digest: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the router must hear of a decision, in the form that an adapter gave it."""

    subject: str
    """Who asked."""
    body: bytes


class DecisionStore(Protocol):
    """Keep decisions for those who ask again. Every call is within one tenant."""

    async def find(self, tenant: str, decision_id: str) -> Kept | None:
        """Return the decision, or None. Raises CallerError: EVIDENCE_ERASED, its content is no more."""
        ...

    async def keep(self, tenant: str, kept: Kept, verdict: Verdict, asked: Question, feedback: Feedback | None) -> None:
        """Keep the decision and what is to be told of it, both or neither; one that is kept already stays as it is."""
        ...

    async def page(self, tenant: str, page: Page) -> Sequence[Kept]:
        """Return up to ``page.size`` + 1 decisions, newest first."""
        ...


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


class Erasures(Protocol):
    """Erasures on their way, and the engine's own copies, in one store."""

    async def note(self, tenant: str, identity: str, subject_id: str, legal_basis: str) -> Erasure:
        """Return the erasure of this id, noted durably now or before."""
        ...

    async def get(self, tenant: str, identity: str) -> Erasure | None:
        """Return an erasure, or None."""
        ...

    async def due(self) -> Sequence[Erasure]:
        """Take the erasures that are to be gone on with; no two processes take one at a time."""
        ...

    async def count_open(self) -> int:
        """Return how many are not complete."""
        ...

    async def confirm(self, erasure: Erasure, owner: str, count: int, evidence: Evidence | None) -> None:
        """Note that an owner has nothing readable any more; counts of one owner add up, the first evidence stands."""
        ...

    async def blank_decisions(self, erasure: Erasure, owner: str, more: int) -> None:
        """Blank the decisions about the person and confirm it, both or neither; ``more`` pieces went elsewhere."""
        ...

    async def release(self, erasure: Erasure) -> None:
        """Let it be gone on with in a moment: whoever took it has done what could be done now."""
        ...

    async def complete(self, erasure: Erasure) -> None:
        """Note that it is over, and forget whom it was about."""
        ...


class Owners(Protocol):
    """The other services that keep content about people. Every call may be repeated."""

    async def destroy_keys(self, erasure: Erasure, repeat: str) -> tuple[int, Evidence | None]:
        """Have the log make its content unreadable and say so; return how many records, and the record of it.

        Args:
            erasure: Whom, and why.
            repeat: The same text is answered alike.
        """
        ...

    async def erase_reviews(self, erasure: Erasure) -> int:
        """Have the review packets about the person blanked; return how many."""
        ...

    async def confirm(self, erasure: Erasure) -> None:
        """Put on record which owners have confirmed."""
        ...


class Spooled(Protocol):
    """What waits on this machine's disk."""

    async def forget(self, tenant: str, subject_id: str) -> int:
        """Take the content about a person out of what waits; return of how many items."""
        ...
