"""What screening says of a text."""

from dataclasses import dataclass
from enum import IntEnum

from services.critic.core.material import Span

_MEDIUM_AT, _HIGH_AT, _CRITICAL_AT = 0.35, 0.6, 0.9


class Level(IntEnum):
    """How bad a finding is."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Action(IntEnum):
    """What is to be done with the text."""

    PASS = 1
    FLAG = 2
    REJECT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenFinding:
    """One thing that screening found."""

    rule_id: str
    level: Level
    score: float
    """Strength, 0-1; what may be blocked is decided by this and never by a word alone (trap T27)."""
    span: Span
    """Where, in the text as it was given."""
    chain: tuple[str, ...]
    """The disguises that were taken off to see it, outermost first."""
    description: str
    """What was found; it never repeats the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of screening one text."""

    findings: tuple[ScreenFinding, ...]

    @property
    def level(self) -> Level | None:
        """The worst level, or nothing when nothing was found."""
        return max((finding.level for finding in self.findings), default=None)

    @property
    def action(self) -> Action:
        """Reject what is high, flag what is medium, pass the rest (spec 4)."""
        level = self.level or Level.LOW
        if level >= Level.HIGH:
            return Action.REJECT
        return Action.FLAG if level is Level.MEDIUM else Action.PASS


def level_of(score: float) -> Level:
    """Return the level that a strength comes to."""
    if score >= _CRITICAL_AT:
        return Level.CRITICAL
    if score >= _HIGH_AT:
        return Level.HIGH
    return Level.MEDIUM if score >= _MEDIUM_AT else Level.LOW
