"""Sign checkpoints, and only of trees that were re-derived from the stored records."""

import asyncio
from collections import defaultdict

from services.chassis.clock import Clock
from services.chassis.errors import Kind, MeshError, WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import gauge
from services.recorder.core import note
from services.recorder.core.audit import AuditError, check_head, check_signed, rederive
from services.recorder.core.merkle import Frontier, TreeError
from services.recorder.core.note import Checkpoint
from services.recorder.ports import CheckpointStore, Head, SignedCheckpoint, Signer

PAGE_RECORDS = 2000
"""Records re-read at a time: few milliseconds of hashing between two turns of the event loop."""

_log = get_logger("recorder.publisher", fields=("log",))
_failed = gauge("magistrate_recorder_audit_failed", "1 where a log does not match its records", ["log"])
_signed_size = gauge("magistrate_recorder_checkpoint_size", "Leaves that the newest checkpoint covers", ["origin"])


class Publisher:
    """Keeps, for each log, the tree it has itself derived, and signs where that tree and the head agree."""

    def __init__(self, store: CheckpointStore, signer: Signer, clock: Clock, *, interval_s: float) -> None:
        self._store, self._signer, self._clock, self._interval_s = store, signer, clock, interval_s
        self._derived = defaultdict[int, Frontier](Frontier)
        self._newest = dict[int, SignedCheckpoint]()
        self._turns = defaultdict[int, asyncio.Lock](asyncio.Lock)

    def verifier_key(self, origin: str) -> str:
        """Return the C2SP verifier key of a log."""
        return note.verifier_key(origin, self._signer.public_key)

    async def run(self) -> None:
        """Sign what was appended since the last time, every ``interval_s``, for ever."""
        while True:
            try:
                await self.publish_all()
            except MeshError as error:
                _log.warning("checkpoint_failed", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def publish_all(self) -> None:
        """Sign every log that has grown.

        Raises:
            WorldError: the store is away. A log that fails its audit is reported and does not stop the others.
        """
        for log in await self._store.logs():
            try:
                await self._sign_in_turn(log)
            except WorldError as error:
                if error.kind is not Kind.INTERNAL:
                    raise

    async def cover(self, head: Head, size: int) -> SignedCheckpoint:
        """Return a checkpoint of at least ``size`` leaves; sign one if there is none yet.

        Raises:
            WorldError: STORE_UNAVAILABLE; INTERNAL, the log does not match its records and is signed no more.
        """
        newest = self._newest.get(head.log)
        if newest and newest.checkpoint.size >= size:
            return newest
        return await self._sign_in_turn(head.log)

    async def _sign_in_turn(self, log: int) -> SignedCheckpoint:
        async with self._turns[log]:
            try:
                signed = await self._sign(log)
            except (AuditError, TreeError) as error:
                _failed.labels(str(log)).set(1)
                _log.critical("log_does_not_match_its_records", log=log, error=str(error))
                message = "the log does not match its records; nothing more is signed"
                raise WorldError(Kind.INTERNAL, "RECORD_DAMAGED", message) from error
        self._newest[log] = signed
        return signed

    async def _sign(self, log: int) -> SignedCheckpoint:
        last = await self._store.checkpoint(log)
        head = await self._store.head_of(log)
        if last:
            await self._follow(log, min(last.checkpoint.size, head.frontier.size))
            self._compare(log, last.checkpoint)
        await self._follow(log, head.frontier.size)
        check_head(self._derived[log], head.frontier)
        if last and last.checkpoint.size == head.frontier.size:
            return last
        return await self._publish(head)

    async def _follow(self, log: int, size: int) -> None:
        """Extend the derived tree to ``size`` from the stored records."""
        while (derived := self._derived[log]).size < size:
            stop = min(size, derived.size + PAGE_RECORDS)
            grown = rederive(derived, await self._store.leaves(log, derived.size, stop))
            if grown.size != stop:
                raise AuditError(f"index {grown.size} is missing")
            self._derived[log] = grown

    def _compare(self, log: int, last: Checkpoint) -> None:
        # A tree that this process has already followed past the checkpoint was compared with it on the way.
        if self._derived[log].size <= last.size:
            check_signed(self._derived[log], last)

    async def _publish(self, head: Head) -> SignedCheckpoint:
        checkpoint = Checkpoint(origin=head.origin, size=head.frontier.size, root=head.frontier.root())
        text = note.sign(
            checkpoint.text(), name=head.origin, public_key=self._signer.public_key, signer=self._signer.sign
        )
        made = SignedCheckpoint(checkpoint=checkpoint, note=text, signed_at=self._clock.now())
        stored = await self._store.publish(head.log, made)
        if stored.checkpoint != checkpoint:
            raise AuditError(f"another root was signed for size {checkpoint.size}")
        _signed_size.labels(head.origin).set(checkpoint.size)
        return stored
