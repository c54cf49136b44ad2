"""What a decision is made of, and what of it may be released.

The engine passes on what critics, router and evaluator said without looking inside: such parts are ``Sealed``.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NewType

from services.engine.core.question import Question

Sealed = NewType("Sealed", object)
"""A part that another service said. The engine carries it unaltered; only adapters know its form."""


class Verdict(IntEnum):
    """The outcome; the numbers are those of the contract."""

    ALLOW = 1
    CONSTRAINED_ALLOW = 2
    ESCALATE = 3
    DENY = 4
    ABSTAIN = 5


class Mode(IntEnum):
    """How much of the pipeline stood behind an answer (spec row ENG-12); the numbers are those of the contract."""

    FULL = 1
    CACHE_ONLY = 2
    MODEL_ONLY = 3
    DEGRADED_NO_RAG = 4
    OFFLINE = 5


class StageOutcome(IntEnum):
    """How a stage ended; the numbers are those of the contract."""

    DONE = 1
    DEGRADED = 2
    UNAVAILABLE = 3


STAGES = ("screen", "context", "route", "review", "score", "adjudicate", "record")
"""Every stage in its order; none may be skipped (spec row ENG-01)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage, with seconds since the call arrived and the seconds it took."""

    name: str
    outcome: StageOutcome
    started_after_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """A part that did not work and what was done instead."""

    component: str
    fallback: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What screening said of a question."""

    action: str
    """pass, flag, reject or unavailable."""
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The context of a question."""

    text: str = ""
    chunks: tuple[str, ...] = ()
    confidence: float = 0.0
    mode: Mode = Mode.FULL
    degraded: tuple[Degraded, ...] = ()
    use: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The answer of a model and the route that led to it."""

    text: str
    model: str
    route: Sealed
    truncated: bool = False
    disagreed: bool = False
    """Whether models were to vote on it and did not agree, so that a person must decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What the critics said, one part a critic."""

    evaluations: tuple[Sealed, ...]
    degraded: tuple[Degraded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The quality report."""

    report: Sealed
    degraded: tuple[Degraded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudicated:
    """The verdict and all that goes with it."""

    verdict: Verdict
    text_released: bool
    explanation: str
    highest_tier: int
    adjudication: Sealed
    degraded: tuple[Degraded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the evidence stands."""

    origin: str
    index: int
    leaf_hash: bytes
    pending: bool = False
    """Whether it rests on this machine's disk, still on its way into the log."""


PENDING = Evidence(origin="", index=0, leaf_hash=b"", pending=True)
"""Evidence that is durable here and will be recorded (policy ``spooled``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision, with its evidence once it is recorded."""

    decision_id: str
    request_id: str
    question: Question
    verdict: Verdict
    answer: str
    withheld_reason: str
    """Empty where the answer is released."""
    screened: Screened
    gathered: Gathered
    generated: Generated
    reviewed: Reviewed
    scored: Scored
    adjudicated: Adjudicated
    stages: tuple[Stage, ...]
    degraded: tuple[Degraded, ...]
    created_at: datetime
    duration_s: float
    evidence: Evidence | None = None


def withheld_reason(adjudicated: Adjudicated) -> str:
    """Return why the answer may not be shown, or nothing where it may.

    Anything but an explicit release withholds: an unknown or missing verdict fails closed.
    """
    if adjudicated.text_released and adjudicated.verdict in (Verdict.ALLOW, Verdict.CONSTRAINED_ALLOW):
        return ""
    reasons = {
        Verdict.DENY: "the verdict refuses it",
        Verdict.ESCALATE: "a named person must decide first",
        Verdict.ABSTAIN: "no verdict was possible, so a person must look",
    }
    return reasons.get(adjudicated.verdict, "a named person must act first")


def decision_id(tenant: str, request_id: str) -> str:
    """Return the id that this tenant's ``request_id`` always leads to, so that a retry cannot decide twice."""
    digest = hashlib.sha256(f"{len(tenant)}:{tenant}{request_id}".encode()).hexdigest()
    return f"r-{digest[:32]}"
