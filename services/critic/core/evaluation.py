"""What a critic says: sealed once, never revised, never merged with what another says (spec 2.5)."""

from dataclasses import dataclass
from datetime import datetime

from services.critic.core.material import Span
from services.critic.core.vocabulary import CriticName, Side, Tier

REVISION = 0
"""A primary evaluation has no other revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One concern, with the place that shows it best."""

    category: str
    description: str
    severity_0_3: float
    confidence: float
    """How sure, 0-1; never a part of the severity."""
    rule_id: str
    side: Side
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A clause that a critic raises. One is enough; no one else may raise, lower or drop it (spec 2.6)."""

    tier: Tier
    critic: CriticName
    clause_id: str
    clause_description: str
    doctrine_ref: str
    rationale: str
    blocking: bool
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The sealed judgement of one critic."""

    critic: CriticName
    severity_0_3: float
    confidence: float
    violations: tuple[Violation, ...]
    signals: tuple[Signal, ...]
    duplicates_removed: int
    """Concerns of this critic that said the same thing as an earlier one and were folded into it."""
    rules_version: str
    sealed_at: datetime
    revision: int = REVISION


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """The place of a critic that gave no judgement: no severity, for an absent judge is not a lenient one (trap T7)."""

    critic: CriticName
    cause: str
    """A stable word for what went wrong, never the text of an exception."""
    sealed_at: datetime
