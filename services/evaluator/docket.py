"""Opens review packets. One that cannot be stored keeps the gate closed and says so; it never changes a verdict."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from services.chassis.call import remaining_s
from services.chassis.errors import WorldError
from services.chassis.log import get_logger
from services.chassis.waiting import within
from services.evaluator.core.clauses import Tier
from services.evaluator.core.gate import Gate, stricter
from services.evaluator.patience import patience_s
from services.evaluator.ports import Packet, Reviews

NOT_STORED = "review:packet_not_stored"
_NAMESPACE = UUID("6f0b3f0e-9b0c-5c43-8f5e-6a5a3e6f2d11")
"""Turns tenant and decision into a review id, so that adjudicating a decision again opens no second packet."""
_log = get_logger("evaluator.docket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What became of a packet."""

    review_id: str
    """Empty where nothing is stored."""
    gate: Gate
    failure: str = ""
    """An ErrorReason name; empty where the packet is stored."""


class Docket:
    """The queue of cases for human reviewers, as its writer sees it."""

    def __init__(self, reviews: Reviews, *, timeout_s: float) -> None:
        self._reviews = reviews
        self._timeout_s = timeout_s

    async def file(self, packet: Packet, gate: Gate) -> Filing:
        """Store a packet and return the gate that holds now: closed further where storing failed (trap T5)."""
        try:
            await within(patience_s(self._timeout_s, remaining_s()), self._reviews.open(packet))
        except WorldError as failure:
            return self._unfiled(gate, failure.reason)
        except TimeoutError:
            return self._unfiled(gate, "STORE_UNAVAILABLE")
        return Filing(review_id=packet.review_id, gate=gate)

    def _unfiled(self, gate: Gate, reason: str) -> Filing:
        _log.error("review_not_stored", reason=reason, component="evaluator.reviews")
        closed = Gate(tier=Tier.ACKNOWLEDGE, reasons=(NOT_STORED,))
        return Filing(review_id="", gate=stricter(gate, closed), failure=reason)


def review_id(tenant: str, decision_id: str) -> str:
    """Return the id of the one packet that a decision of a tenant may have."""
    return str(uuid5(_NAMESPACE, f"{len(tenant)}:{tenant}{decision_id}"))
