"""Finds out what became of the tries of a call, and has it written down, however long the store is away."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.chassis.errors import WorldError
from services.chassis.log import get_logger
from services.router.core import account
from services.router.core.account import Attempt
from services.router.core.spend.reservation import Claim, Payer
from services.router.core.spend.settlement import Evidence, Hold, Reckoning, Settlement, reckon
from services.router.core.spend.testimony import Testimony
from services.router.ports import Ledger, Witness

IN_TIME_S = 0.2
"""Seconds that an answer waits for word of the tries that lost."""
PATIENCE_S = 1.0
"""Seconds that an adapter has to answer off the way of an answer."""
PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the questions about a try that goes on; what is open after the last is left to the reconciler."""
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 2.0
RETRIES_S = 60.0
"""Seconds for which a settlement is tried again; after them the hold expires and is settled from the adapters."""
GIVE_UP_AFTER = timedelta(minutes=10)
"""Time after which a try of an overdue call is booked whole, though its adapter may still come back."""

_log = get_logger("router.inquest", fields=("open",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call with tries whose end is not known."""

    call_id: str
    payer: Payer
    began: datetime
    open: tuple[Claim, ...]
    unwritten: tuple[Attempt, ...] = ()
    """Tries that are known, but may not be on the ledger yet."""
    broken: frozenset[str] = frozenset()
    """Providers whose streamed answers broke off."""

    def settlement(self, attempts: tuple[Attempt, ...], still_open: Sequence[Claim]) -> Settlement:
        """Return what is to be written."""
        names = tuple(claim.provider for claim in still_open)
        return Settlement(call_id=self.call_id, payer=self.payer, attempts=attempts, open=names)


@dataclass(frozen=True, kw_only=True)
class Inquest:
    """Asks the adapters, and settles what they tell."""

    ledger: Ledger
    witness: Witness
    pauses_s: tuple[float, ...] = PAUSES_S

    async def hear_in_time(self, call_id: str, claims: Sequence[Claim]) -> Mapping[str, Testimony]:
        """Return what adapters tell by provider, as fast as the way of an answer demands."""
        return await self._hear(call_id, claims, IN_TIME_S)

    async def pursue(self, case: Case, watch: Callable[[Sequence[Attempt]], None]) -> None:
        """Ask until every open try is known, write each at once, and tell ``watch`` of it."""
        if case.unwritten:
            await self.settle_surely(case.settlement(case.unwritten, case.open))
        if not case.open:
            return
        for nth, pause_s in enumerate((*self.pauses_s, 0.0)):
            reckoning = await self._reckon(case)
            if nth:
                reckoning = reckoning.without_silent()
            if nth == len(self.pauses_s):
                reckoning = reckoning.given_up(reckoning.lost, case.began)
            watch(reckoning.attempts)
            case = await self._write(case, reckoning)
            if not case.open:
                return
            await asyncio.sleep(pause_s)

    async def close(self, hold: Hold) -> None:
        """Settle an overdue hold as far as anybody knows. What still runs is asked about at the next look."""
        case = Case(call_id=hold.call_id, payer=hold.payer, began=hold.started_at, open=hold.claims)
        reckoning = (await self._reckon(case)).without_silent()
        if hold.overdue > GIVE_UP_AFTER:
            reckoning = reckoning.given_up((*reckoning.running, *reckoning.lost), case.began)
        left = (await self._write(case, reckoning)).open
        _log.info("overdue hold", count=len(reckoning.attempts), open=len(left))

    async def settle_surely(self, settlement: Settlement) -> None:
        """Write ``settlement``; repeat while the store is away. Raises WorldError when that takes too long."""
        pause_s, waited_s = FIRST_RETRY_S, 0.0
        while True:
            try:
                await self.ledger.settle(settlement)
            except WorldError:
                if waited_s > RETRIES_S:
                    raise
            else:
                return
            await asyncio.sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(2 * pause_s, LONGEST_RETRY_S)

    async def _reckon(self, case: Case) -> Reckoning:
        heard = await self._hear(case.call_id, case.open, PATIENCE_S)
        reckoning = reckon(case.open, Evidence(began=case.began, testimonies=heard))
        return replace(reckoning, attempts=account.broken_off(reckoning.attempts, case.broken))

    async def _hear(self, call_id: str, claims: Sequence[Claim], within_s: float) -> Mapping[str, Testimony]:
        asked = [claim.provider for claim in claims]
        heard = await asyncio.gather(*(self.witness.ask(call_id, provider, within_s) for provider in asked))
        return {provider: told for provider, told in zip(asked, heard, strict=True) if told is not None}

    async def _write(self, case: Case, reckoning: Reckoning) -> Case:
        if reckoning.attempts or len(reckoning.open) < len(case.open):
            await self.settle_surely(case.settlement(reckoning.attempts, reckoning.open))
        return replace(case, open=reckoning.open, unwritten=())
