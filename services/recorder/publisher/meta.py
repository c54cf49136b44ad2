"""Keep the meta-log: put the tenants' newest checkpoints into it, and have its own cosigned."""

from collections.abc import Sequence

from services.chassis.clock import Clock
from services.chassis.metrics import gauge
from services.recorder.core.audit import AuditError
from services.recorder.core.merkle import Frontier
from services.recorder.core.meta import MetaEntry, grow, sighted, succeeded
from services.recorder.core.proof import consistency_spans, fold, tiles_of
from services.recorder.core.succession import announcement_key
from services.recorder.ports import Head
from services.recorder.publisher.ports import Keys, Seat
from services.recorder.publisher.witnesses import Witnesses

AT_ONCE = 500
"""Checkpoints that go into the meta-log in one transaction."""

_disputed = gauge("magistrate_recorder_witnesses_disagree", "1 while witnesses say that they saw another past")
_witnessed = gauge("magistrate_recorder_witnessed_size", "Leaves of the meta-log that enough witnesses have cosigned")


class MetaLog:
    """The log of all logs, which the holder of the seat alone appends to."""

    def __init__(self, origin: str, keys: Keys, clock: Clock, witnesses: Witnesses, *, interval_s: float) -> None:
        self.origin = origin
        self._keys, self._clock, self._witnesses = keys, clock, witnesses
        self._interval_s, self._due_at = interval_s, clock.monotonic() + interval_s
        self.disputed = ""
        """What a witness says against the meta-log, while there are not enough others who cosign it all the same."""

    async def collect(self, seat: Seat) -> int | None:
        """Put in what is new; return the meta-log where it has grown.

        Where no witness is waited for, that happens only now and then: the meta-log stays small.

        Raises:
            WorldError: the store is away, or the seat is lost.
            TreeError: its head contradicts itself.
        """
        log = await seat.log_id(self.origin)
        head = await seat.head_of(log) if log else Head(log=0, origin=self.origin, tenant="", frontier=Frontier())
        entries = list(await self._succession(seat, head))
        now = self._clock.monotonic()
        if now >= self._due_at or self._witnesses.required or entries:
            self._due_at = now + self._interval_s
            entries += map(sighted, await seat.unsighted(AT_ONCE))
        if not entries or not await seat.append_meta(head, entries, grow(head.frontier, entries)):
            return None
        return log or await seat.log_id(self.origin)

    async def have_witnessed(self, seat: Seat) -> None:
        """Have the newest checkpoint of the meta-log cosigned by everybody, and store it once that is enough.

        Raises:
            WorldError: the store is away, or the seat is lost.
        """
        log = await seat.log_id(self.origin) if self._witnesses.required else None
        newest = await seat.newest(log) if log else None
        if log is None or newest is None:
            return
        size = newest.checkpoint.size
        stored = await seat.witnessed_size(log) >= size
        try:
            lines = await self._witnesses.cosign(newest, lambda seen: _proof(seat, log, seen, size), late_only=stored)
        except AuditError as error:
            self.disputed = error.problem
            _disputed.set(1)
            return
        self.disputed = ""
        _disputed.set(0)
        if lines and not stored:
            await seat.witness(log, size, newest.note + lines, self._clock.now())
        if lines or stored:
            _witnessed.set(size)

    async def _succession(self, seat: Seat, head: Head) -> Sequence[MetaEntry]:
        """Return the announcement of the newest key, where a former one still signs the meta-log alone."""
        newest, *former = self._keys.known()
        last = await seat.newest(head.log) if former and head.log else None
        if last is None or newest in self._keys.signed_by(last) or await seat.announcement(head, newest):
            return []
        return [succeeded(self.origin, newest, announcement_key(newest, self.origin))]


async def _proof(seat: Seat, log: int, seen: int, size: int) -> Sequence[bytes]:
    """Return the consistency proof between two sizes, from stored tiles; an empty tree is consistent with any."""
    spans = consistency_spans(seen, size) if seen else []
    return fold(spans, await seat.tiles(log, tiles_of(spans)))
