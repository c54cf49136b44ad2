"""Which records are asked for: filters that exclude each other are refused, not answered with nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.chassis.errors import CallerError, Kind, invalid
from services.recorder.core.envelope import check_filter
from services.recorder.core.obligation import INTENT
from services.recorder.core.search import Fact

DECISION = "DECISION"
_OF_A_DECISION = ("verdict", "model", "critic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a caller looks for; all of it must hold."""

    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    model: str = ""
    critic: str = ""
    open_intents: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what no record can meet.

        Raises:
            CallerError: INVALID FILTERS_CONTRADICT with both fields; FIELD_OUT_OF_RANGE for an empty time;
                FIELD_TOO_LONG or FIELD_MALFORMED for what no attribute can be.
        """
        for name in self._of_decisions:
            if self.kind not in {"", DECISION}:
                raise contradiction(name, "kind", f"only decisions have a {name}")
            if self.open_intents:
                raise contradiction(name, "open_intents", f"an intent has no {name}")
        if self.open_intents and self.kind not in {"", INTENT}:
            raise contradiction("open_intents", "kind", "only intents can be open")
        for name in ("verdict", "model"):
            if getattr(self, name) and self.attributes.get(name, getattr(self, name)) != getattr(self, name):
                raise contradiction(name, f"attributes.{name}", "they name two values of one fact")
        if self.since and self.until and self.until <= self.since:
            raise invalid("until", "must be after since", value=self.until.isoformat())
        check_filter(self._wanted)

    @property
    def wanted_kind(self) -> str:
        """Return the kind that is meant, also where another filter alone says so; empty means any."""
        return self.kind or (DECISION if self._of_decisions else INTENT if self.open_intents else "")

    @property
    def _wanted(self) -> Mapping[str, str]:
        """Return attributes and their values; verdict and model are what the engine records."""
        named = {"verdict": self.verdict, "model": self.model}
        return {**self.attributes, **{name: value for name, value in named.items() if value}}

    @property
    def facts(self) -> Sequence[Fact]:
        """Return the attributes that a record must have; that of a critic with any value."""
        return [Fact(name=name, value=value) for name, value in self._wanted.items()] + (
            [Fact(name=f"critic.{self.critic}")] if self.critic else []
        )

    @property
    def _of_decisions(self) -> tuple[str, ...]:
        return tuple(name for name in _OF_A_DECISION if getattr(self, name))


def contradiction(name: str, other: str, why: str) -> CallerError:
    """Return the refusal of two filters that exclude each other."""
    message = f"{name} and {other} exclude each other: {why}"
    error = invalid(name, message, reason="FILTERS_CONTRADICT")
    metadata = {**error.metadata, "other": other}
    return CallerError(Kind.INVALID, error.reason, message, metadata=metadata, violations=error.violations)
