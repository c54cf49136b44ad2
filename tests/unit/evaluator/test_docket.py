"""The docket: what becomes of a gate when its packet cannot be stored."""

import asyncio
from collections.abc import Sequence

import pytest

from services.evaluator.core.gate import OPEN
from services.evaluator.docket import NOT_STORED, Docket, review_id
from services.evaluator.ports import Packet


class DeafReviews:
    """A store that neither answers nor ends when it is told to."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    async def open(self, packet: Packet) -> None:
        """Never answer for ``packet``."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.heard.wait()

    async def erase(self, tenant: str, subject_id: str, decision_ids: Sequence[str]) -> int:
        """Never be asked to."""
        raise AssertionError("nobody is erased here")


@pytest.mark.spec("T5")
async def test_a_store_that_hangs_closes_the_gate_in_time() -> None:
    """Even where the driver cannot let go, the adjudication is answered: the gate closed, the failure declared."""
    reviews = DeafReviews()
    packet = Packet(
        review_id=review_id("acme", "d-1"),
        tenant="acme",
        decision_id="d-1",
        domain="general",
        severity_0_3=2.0,
        triggers=("severity",),
        verdict="escalate",
        audit_hash="0" * 64,
        document="{}",
    )

    filing = await Docket(reviews, timeout_s=0.01).file(packet, OPEN)

    assert (filing.review_id, filing.failure) == ("", "STORE_UNAVAILABLE")
    assert filing.gate.gated
    assert NOT_STORED in filing.gate.reasons
    reviews.heard.set()
