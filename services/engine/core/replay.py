"""Past decisions judged again: what differs, which verdicts change and why, and what had to be left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.engine.core.decision import Sealed, Verdict

REPLAY, READJUDICATE = "replay", "readjudicate"
"""The actions that are recorded as intents."""
_STRICTNESS = (Verdict.ALLOW, Verdict.CONSTRAINED_ALLOW, Verdict.ESCALATE, Verdict.ABSTAIN, Verdict.DENY)


class LeftOut(StrEnum):
    """Why a decision cannot be judged again."""

    ERASED = "erased"
    """A person had its content erased."""
    UNREADABLE = "unreadable"
    """Its content expired, or its key is not in this database."""
    INCOMPLETE = "incomplete"
    """It was recorded without something that a judge needs."""
    UNREPRODUCIBLE = "unreproducible"
    """Judged as it was then, it does not come out as recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that came out differently."""

    part: str
    recorded: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict with the rules that asked for it."""

    verdict: Verdict
    grounds: tuple[str, ...]
    adjudication: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """A verdict that would be another one."""

    decision_id: str
    recorded_at: datetime
    recorded: Verdict
    replayed: Verdict
    rules: tuple[str, ...]
    """Rules that made the difference; a minus sign marks one that no longer holds."""
    critics: tuple[str, ...]
    """Critics that judge otherwise than on record."""


@dataclass(slots=True)
class Tally:
    """The totals of a re-adjudication; it grows with the kinds of changes and never with their number."""

    examined: int = 0
    unchanged: int = 0
    shifts: Counter[tuple[Verdict, Verdict]] = field(default_factory=Counter)
    left_out: Counter[LeftOut] = field(default_factory=Counter)

    def leave(self, why: LeftOut) -> None:
        """Count a decision that is left out."""
        self.examined += 1
        self.left_out[why] += 1

    def count(self, recorded: Verdict, replayed: Verdict) -> None:
        """Count a decision that was judged again."""
        self.examined += 1
        if recorded is replayed:
            self.unchanged += 1
        else:
            self.shifts[recorded, replayed] += 1

    @property
    def changed(self) -> int:
        """Return how many verdicts would change."""
        return self.shifts.total()

    @property
    def stricter(self) -> int:
        """Return how many would become stricter."""
        return sum(count for (before, after), count in self.shifts.items() if is_stricter(after, before))

    @property
    def facts(self) -> Mapping[str, str]:
        """Return the totals as small public facts."""
        left_out = {f"left_out.{why.value}": count for why, count in self.left_out.items()}
        figures = {"examined": self.examined, "changed": self.changed, "stricter": self.stricter, **left_out}
        return {name: str(figure) for name, figure in figures.items()}


def is_stricter(verdict: Verdict, other: Verdict) -> bool:
    """Tell whether ``verdict`` permits less than ``other``: the order of the evaluator (docs/scoring.md)."""
    return _STRICTNESS.index(verdict) > _STRICTNESS.index(other)


def moving_rules(before: Judged, after: Judged) -> tuple[str, ...]:
    """Return the rules that made the verdict another one: new ones for a stricter, lost ones for a milder verdict."""
    if is_stricter(after.verdict, before.verdict):
        return _without(after.grounds, before.grounds) or after.grounds
    return tuple(f"-{rule}" for rule in _without(before.grounds, after.grounds) or before.grounds)


def _without(rules: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(rule for rule in rules if rule not in others)
