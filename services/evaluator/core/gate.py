"""The gate in front of execution: the highest tier wins, and it only ever closes further (spec 2.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.evaluator.core.bench import Signal
from services.evaluator.core.clauses import Tier
from services.evaluator.core.review import Trigger


class HumanAction(StrEnum):
    """What a named person must do before anything is executed."""

    NONE = "none"
    ACK = "human_ack"
    DETERMINATION = "human_determination"


_ACTION = {
    Tier.NONE: HumanAction.NONE,
    Tier.ACKNOWLEDGE: HumanAction.ACK,
    Tier.DETERMINE: HumanAction.DETERMINATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How far the gate is closed, and by what."""

    tier: Tier
    reasons: tuple[str, ...]
    """``critic:clause`` pairs, then ``review:<trigger>``."""

    @property
    def gated(self) -> bool:
        """Tell whether a person must act first."""
        return self.tier is not Tier.NONE

    @property
    def required_action(self) -> HumanAction:
        """Return the one action that opens the gate."""
        return _ACTION[self.tier]


OPEN = Gate(tier=Tier.NONE, reasons=())


def close_for_signals(signals: Sequence[Signal]) -> Gate:
    """Close the gate as far as the heaviest signal demands; one signal is enough."""
    tier = max((Tier(signal.tier) for signal in signals), default=Tier.NONE)
    return Gate(tier=tier, reasons=_unique([signal.pair for signal in signals]))


def close_for_review(triggers: Sequence[Trigger] | None) -> Gate:
    """Close the gate for an acknowledgement where a review is due.

    None means that the triggers could not be worked out, which closes the gate as well (trap T5).
    """
    if triggers is None:
        return Gate(tier=Tier.ACKNOWLEDGE, reasons=("review:unknown",))
    if not triggers:
        return OPEN
    return Gate(tier=Tier.ACKNOWLEDGE, reasons=tuple(f"review:{trigger}" for trigger in triggers))


def stricter(existing: Gate, new: Gate) -> Gate:
    """Return the gate closed as far as either demands, for the reasons of both (trap T4: never a downgrade)."""
    return Gate(tier=max(existing.tier, new.tier), reasons=_unique([*existing.reasons, *new.reasons]))


def _unique(reasons: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
