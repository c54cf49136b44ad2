"""Hand out signed checkpoints; where none covers what is asked for, have the publisher called and wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain, repeat

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError, unavailable
from services.recorder.core import note
from services.recorder.core.proof import fold, inclusion_spans, tiles_of
from services.recorder.ports import Checkpoints, Damage, Head, Sighting, SignedCheckpoint

LOOKS_S = (0.002, 0.005, 0.01, 0.02)
"""Pauses between looks for a new checkpoint, the last one again and again; most are signed within milliseconds."""
RETRY_S = 1.0
"""What a caller is told to wait while the publisher is away."""


class Desk:
    """Knows the newest checkpoint of each log that was asked for."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        clock: Clock,
        *,
        keys: Callable[[], Sequence[bytes]],
        patience_s: float,
        witnessed: bool,
    ) -> None:
        self._checkpoints, self._clock = checkpoints, clock
        self._published = checkpoints.witnessed if witnessed else checkpoints.newest
        self._keys, self._patience_s = keys, patience_s
        self._newest = dict[int, SignedCheckpoint]()
        self._turns = dict[int, asyncio.Lock]()

    def verifier_keys(self, origin: str) -> list[str]:
        """Return the C2SP verifier keys of a log, the newest first."""
        return [note.verifier_key(origin, key) for key in self._keys()]

    def verifier_key(self, signed: SignedCheckpoint) -> str:
        """Return the newest verifier key by which a checkpoint says that it is signed."""
        origin, keys = signed.checkpoint.origin, self._keys()
        newest, *_ = note.named(signed.note, origin, keys) or keys
        return note.verifier_key(origin, newest)

    async def cover(self, head: Head, size: int) -> SignedCheckpoint:
        """Return a checkpoint of at least ``size`` leaves.

        Raises:
            WorldError: EVIDENCE_UNAVAILABLE, none was signed in time; RECORD_DAMAGED, the log does not match its
                records and is signed no more; STORE_UNAVAILABLE.
        """
        # One look at a time for all who wait for the same log.
        async with self._turns.setdefault(head.log, asyncio.Lock()):
            newest = self._newest.get(head.log)
            if newest is None or newest.checkpoint.size < size:
                newest = self._newest[head.log] = await self._wait(head.log, size)
            return newest

    async def whole(self, head: Head) -> SignedCheckpoint:
        """Return a checkpoint of all that is committed, unless something is wrong with it.

        Raises:
            WorldError: as `cover`, and RECORD_DAMAGED also where an older checkpoint would do.
        """
        if damage := await self._checkpoints.damage(head.log):
            raise _damaged(damage)
        return await self.cover(head, head.frontier.size)

    async def sighting_path(self, sighting: Sighting) -> Sequence[bytes]:
        """Return the proof that the meta-log's cosigned checkpoint covers a log's checkpoint."""
        spans = inclusion_spans(sighting.index, sighting.size)
        return fold(spans, await self._checkpoints.meta_tiles(tiles_of(spans)))

    async def _wait(self, log: int, size: int) -> SignedCheckpoint:
        ends_at = self._clock.monotonic() + self._patience_s
        for look, pause_s in enumerate(chain(LOOKS_S, repeat(LOOKS_S[-1]))):
            newest = await self._published(log)
            if newest and newest.checkpoint.size >= size:
                return newest
            if damage := await self._checkpoints.damage(log):
                raise _damaged(damage)
            if look == 0:
                await self._checkpoints.ask()
            if self._clock.monotonic() + pause_s > ends_at:
                break
            await asyncio.sleep(pause_s)
        raise unavailable("EVIDENCE_UNAVAILABLE", "no checkpoint covers it yet; ask again", RETRY_S)


def _damaged(damage: Damage) -> WorldError:
    message = f"the log does not match its records from index {damage.first_bad} on; nothing more is signed"
    return WorldError(Kind.INTERNAL, "RECORD_DAMAGED", message, metadata={"first_bad": str(damage.first_bad)})
