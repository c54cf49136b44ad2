"""What deciding needs of the rest of the mesh. Every call gets the seconds it may take and raises ``MeshError``."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from services.engine.core.intent import Ending, Intent
from services.engine.core.question import Domain, Question


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

    async def keep(
        self, tenant: str, kept: Kept, verdict: Verdict, asked: Question, feedback: Feedback | None, *, requester: str
    ) -> None:
        """Keep the decision, who asked for it and what is to be told of it, all or nothing; one that is kept stays."""
        ...

    async def page(self, tenant: str, page: Page) -> Sequence[Kept]:
        """Return up to ``page.size`` + 1 decisions, newest first."""
        ...
