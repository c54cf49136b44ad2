"""Carry an erasure to every owner, however often a process dies on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.chassis import call
from services.chassis.clock import Clock
from services.chassis.errors import CallerError, Kind, MeshError, not_found
from services.chassis.log import get_logger
from services.chassis.metrics import gauge
from services.engine.core.erasure import ENGINE, EVALUATOR, RECORDER, ROUTER, Erasure, check, erasure_id
from services.engine.ports import Erasures, Owners, Spooled

_log = get_logger("engine.eraser", fields=("owner",))
_OPEN = gauge("magistrate_erasures_open", "Erasures that not every owner has confirmed twice.")
Step = Callable[[Erasure], Awaitable[None]]


class Eraser:
    """Erase, now as far as owners answer and later the rest.

    Args:
        erasures: Erasures on their way, and the engine's own decisions.
        owners: The other services that keep content about people.
        spool: What waits on this machine's disk for the log.
        clock: Tells when all calls that were under way are over.
        grace_s: Longest time that a call may take.
        interval_s: Seconds between two looks for what is not complete.
    """

    def __init__(
        self,
        erasures: Erasures,
        owners: Owners,
        spool: Spooled,
        clock: Clock,
        *,
        grace_s: float,
        interval_s: float = 1.0,
    ) -> None:
        self._erasures, self._owners, self._spool, self._clock = erasures, owners, spool, clock
        self._grace, self._interval_s = timedelta(seconds=grace_s), interval_s
        self._steps: dict[str, Step] = {
            RECORDER: self._keys,
            ENGINE: self._own,
            EVALUATOR: self._reviews,
            ROUTER: self._answers,
        }

    async def erase(self, subject_id: str, legal_basis: str) -> Erasure:
        """Erase a person; the same call under the same request id is the same erasure.

        Owners that do not answer are asked again until they have: the reply names them.

        Raises:
            CallerError: a field is at fault, or IDEMPOTENCY_CONFLICT.
            WorldError: it could not even be noted, or not yet be put on record; what was noted goes on by itself.
        """
        check(subject_id, legal_basis)
        tenant = call.tenant()
        identity = erasure_id(tenant, call.current().request_id)
        noted = await self._erasures.note(tenant, identity, subject_id, legal_basis)
        if noted.subject_id not in {"", subject_id} or noted.legal_basis != legal_basis:
            message = "the request id was used before for another erasure"
            raise CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", message, metadata={"erasure_id": identity})
        if RECORDER in noted.pending:
            await self._keys(noted)
        await self._advance(await self.get(identity))
        return await self.get(identity)

    async def get(self, identity: str) -> Erasure:
        """Return how far an erasure has come. Raises CallerError: ERASURE_NOT_FOUND."""
        found = await self._erasures.get(call.tenant(), identity)
        if found is None:
            raise not_found("ERASURE_NOT_FOUND", "erasure_id", identity)
        return found

    async def run(self) -> None:
        """Go on with what is not complete, for ever."""
        while True:
            try:
                await self.look()
            except MeshError as error:
                _log.warning("erasures_not_read", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def look(self) -> None:
        """Go on with everything that is due, each in the name of its tenant. Raises WorldError."""
        for erasure in await self._erasures.due():
            call.enter(call.Call(principal=call.Principal(tenant=erasure.tenant), request_id=erasure.erasure_id))
            await self._advance(erasure)
        _OPEN.set(await self._erasures.count_open())

    async def _advance(self, erasure: Erasure) -> None:
        """Ask every owner that has not confirmed; when all have, and their calls are over, all of them once more."""
        try:
            for owner in erasure.pending:
                await self._try(owner, erasure)
            again = await self._erasures.get(erasure.tenant, erasure.erasure_id)
            if again and not again.pending and not again.done_at and self._clock.now() >= again.sweep_at(self._grace):
                await self._sweep(again)
            else:
                await self._erasures.release(erasure)
        except MeshError as error:
            _log.warning("erasure_not_completed", reason=error.reason)

    async def _sweep(self, erasure: Erasure) -> None:
        """Ask all owners once more, the log last: what waited on a disk is in it by then."""
        swept = [await self._try(owner, erasure) for owner in reversed(self._steps)]
        told = await self._erasures.get(erasure.tenant, erasure.erasure_id)
        if all(swept) and told:
            await self._owners.confirm(told)
            await self._erasures.complete(told)
        else:
            await self._erasures.release(erasure)

    async def _try(self, owner: str, erasure: Erasure) -> bool:
        try:
            await self._steps[owner](erasure)
        except MeshError as error:
            _log.warning("erasure_not_confirmed", owner=owner, reason=error.reason)
            return False
        return True

    async def _keys(self, erasure: Erasure) -> None:
        first = RECORDER not in erasure.confirmed
        # The first call may be repeated and is answered alike; a later one looks for what has come since.
        repeat = erasure.erasure_id if first else f"{erasure.erasure_id}/{self._clock.now().isoformat()}"
        count, evidence = await self._owners.destroy_keys(erasure, repeat)
        await self._erasures.confirm(erasure, RECORDER, count, evidence)

    async def _own(self, erasure: Erasure) -> None:
        spooled = await self._spool.forget(erasure)
        await self._erasures.blank_decisions(erasure, ENGINE, spooled)

    async def _reviews(self, erasure: Erasure) -> None:
        told = await self._erasures.get(erasure.tenant, erasure.erasure_id) or erasure
        count = await self._owners.erase_reviews(told)
        await self._erasures.confirm(erasure, EVALUATOR, count, None)

    async def _answers(self, erasure: Erasure) -> None:
        count = await self._owners.forget_answers(erasure)
        await self._erasures.confirm(erasure, ROUTER, count, None)
