"""Sign checkpoints, and only of trees that were derived twice from the stored records, by two ways."""

import asyncio
from collections.abc import Sequence

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import gauge
from services.recorder.core import note
from services.recorder.core.audit import AuditError, check_head, check_root, check_signed, rederive
from services.recorder.core.merkle import Frontier, TreeError
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import fold, peak_spans, tiles_of
from services.recorder.core.succession import announced, may_sign, must_sign
from services.recorder.ports import Head, SignedCheckpoint
from services.recorder.publisher.meta import MetaLog
from services.recorder.publisher.ports import Finding, Keys, Ledger, Logs, Memory, Seat, Signer
from services.recorder.publisher.scan import PAGE_RECORDS, Scan, check_signers

AWAY_S = 1.0
"""Wait before the store is tried again."""

_log = get_logger("recorder.publisher", fields=("log", "first_bad", "problem"))
_failed = gauge("magistrate_recorder_audit_failed", "1 where a log does not match its records", ["log"])
_signed_size = gauge("magistrate_recorder_checkpoint_size", "Leaves that the newest checkpoint covers", ["origin"])
_age = gauge("magistrate_recorder_checkpoint_age_seconds", "Time since every sound log was last found signed")


class Publisher:
    """Keeps, for each log, the tree that it has itself derived and signed, and builds upon nothing else."""

    def __init__(
        self, ledger: Ledger, memory: Memory, keys: Keys, clock: Clock, meta: MetaLog, *, interval_s: float
    ) -> None:
        self._ledger, self._memory, self._keys, self._clock = ledger, memory, keys, clock
        self._meta, self._interval_s = meta, interval_s
        self._signed = dict[int, Frontier]()
        self._refused = set[int]()
        self._current_at = clock.monotonic()
        _age.set_function(lambda: clock.monotonic() - self._current_at)

    async def run(self) -> None:
        """Take the seat, sign whatever grows every ``interval_s`` or when asked, for ever."""
        while True:
            try:
                async with self._ledger.seat() as seat:
                    await self._hold(seat)
            except MeshError as error:
                _log.warning("checkpoint_failed", reason=error.reason)
            await asyncio.sleep(AWAY_S)

    async def publish_all(self, seat: Seat) -> None:
        """Sign every log that has grown; one that fails its audit is reported and does not stop the others.

        Raises:
            WorldError: the store is away, or the seat is lost.
        """
        meta = await seat.log_id(self._meta.origin)
        if meta in self._refused or self._meta.disputed:
            _log.critical("nothing_is_signed", log=meta, problem=self._meta.disputed or "the meta-log was altered")
            return
        signed = [await self._try(seat, log) for log in await seat.grown() if log not in self._refused]
        if all(signed):
            self._current_at = self._clock.monotonic()

    async def publish_meta(self, seat: Seat) -> None:
        """Put the new checkpoints into the meta-log, sign it, and have it cosigned.

        Raises:
            WorldError: the store is away, or the seat is lost.
        """
        meta = await seat.log_id(self._meta.origin)
        if meta in self._refused:
            return
        try:
            grown = None if self._meta.disputed else await self._meta.collect(seat)
        except TreeError as error:
            await self.refuse(seat, meta or 0, AuditError(0, f"{error}"))
            return
        if grown:
            await self._try(seat, grown)
        await self._meta.have_witnessed(seat)

    def refuses(self, log: int) -> bool:
        """Return whether a log is signed no more."""
        return log in self._refused

    async def refuse(self, logs: Logs, log: int, error: AuditError) -> None:
        """Sign a log no more, and say so wherever somebody may look.

        Raises:
            WorldError: the store is away; this process signs it no more all the same.
        """
        self._refused.add(log)
        _failed.labels(str(log)).set(1)
        _log.critical("log_does_not_match_its_records", log=log, first_bad=error.first_bad, problem=error.problem)
        found = Finding(log=log, first_bad=error.first_bad, problem=error.problem, found_at=self._clock.now())
        await logs.report(found)

    async def _hold(self, seat: Seat) -> None:
        self._signed.clear()  # another publisher may have signed since
        for found in await seat.findings():
            self._refused.add(found.log)
            _failed.labels(str(found.log)).set(1)
        await self._meta.have_witnessed(seat)  # first of all: witnesses may have seen more than there is
        while True:
            await self.publish_all(seat)
            await self.publish_meta(seat)
            await seat.asked(self._interval_s)

    async def _try(self, seat: Seat, log: int) -> bool:
        """Sign one log; return False where a key for it is not at hand."""
        try:
            return await self._sign(seat, log)
        except (AuditError, TreeError) as error:
            await self.refuse(seat, log, await self._exactly(seat, log, error))
            return True

    async def _sign(self, seat: Seat, log: int) -> bool:
        head, last = await seat.head_of(log), await seat.newest(log)
        signed = self._signed.get(log) or await self._resume(seat, head, last)
        self._check_last(signed, last)
        derived, keys = await self._follow(seat, log, signed, head.frontier.size)
        check_head(derived, head.frontier)
        (root,) = await _roots(seat, log, [derived.size])
        check_root(derived, root, since=signed.size, of="the stored tiles")
        if derived.size > signed.size:
            # A key that is announced and not known here yet is on its way: this checkpoint is one that it must sign.
            signers = await self._signers(seat, head, last) if keys <= set(self._keys.known()) else ()
            if not signers:
                _log.error("not_signed_for_want_of_a_key", log=log)
                return False
            await self._publish(seat, head, signers, previous=signed.size)
        self._signed[log] = derived
        return True

    async def _signers(self, seat: Seat, head: Head, last: SignedCheckpoint | None) -> Sequence[Signer]:
        """Return the keys that sign the next checkpoint."""
        known, at_hand = self._keys.known(), {signer.public_key: signer for signer in self._keys.signers()}
        present = [key for key in at_hand if key in known]
        by = self._keys.signed_by(last) if last else ()
        covered = len(known) > 1 and await self._announced_at(seat, head, known[0]) is not None
        return [at_hand[key] for key in may_sign(known[0], present, by, covered=covered)]

    @staticmethod
    async def _announced_at(seat: Seat, head: Head, key: bytes) -> int | None:
        """Return the index of the record that announces a key, which the log's present tree covers."""
        found = await seat.announcement(head, key)
        return found.index if found and announced(found.envelope) == key else None

    async def _resume(self, seat: Seat, head: Head, last: SignedCheckpoint | None) -> Frontier:
        """Return the tree of the last checkpoint, from tiles whose root is the signed one, without reading it anew."""
        signed = Frontier()
        if last:
            size = last.checkpoint.size
            if size > head.frontier.size:
                raise AuditError(head.frontier.size, f"is missing up to {size - 1}, which was signed")
            newest = self._keys.known()[0]
            must = must_sign(await self._announced_at(seat, head, newest), newest, size)
            check_signers(self._keys.signed_by(last), size, must)
            signed = await _frontier(seat, head.log, size)
            check_signed(signed, last.checkpoint, since=0)
        await self._check_memory(seat, head, signed)
        return signed

    async def _check_memory(self, seat: Seat, head: Head, signed: Frontier) -> None:
        """Compare with what this publisher was about to sign: it may have been stopped before it was stored."""
        memory = self._memory.last(head.origin)
        if memory is None:
            return
        remembered = memory.checkpoint
        if remembered.size > head.frontier.size:
            problem = f"is missing up to {remembered.size - 1}, which was signed: the store was turned back"
            raise AuditError(head.frontier.size, problem)
        if memory.stored > signed.size:
            raise AuditError(signed.size, f"the checkpoint at size {memory.stored}, which was stored, is gone")
        if remembered.size >= signed.size:
            followed, _ = await self._follow(seat, head.log, signed, remembered.size)
            check_signed(followed, remembered, since=signed.size)
        else:
            (root,) = await _roots(seat, head.log, [remembered.size])
            if root != remembered.root:
                raise AuditError(0, f"some record from here to {remembered.size - 1} is not the one that was signed")

    @staticmethod
    def _check_last(signed: Frontier, last: SignedCheckpoint | None) -> None:
        size = last.checkpoint.size if last else 0
        if size != signed.size:
            raise AuditError(min(size, signed.size), f"the newest checkpoint is of size {size}, not {signed.size}")
        if last:
            check_signed(signed, last.checkpoint, since=size - 1)

    @staticmethod
    async def _follow(seat: Seat, log: int, tree: Frontier, size: int) -> tuple[Frontier, set[bytes]]:
        """Extend a tree to ``size`` from the stored records; also return the keys that these announce."""
        keys = set[bytes]()
        while tree.size < size:
            stop = min(size, tree.size + PAGE_RECORDS)
            records = await seat.records(log, tree.size, stop)
            tree = rederive(tree, records, stop)
            keys.update(key for _, _, envelope in records if (key := announced(envelope)))
        return tree, keys

    async def _publish(self, seat: Seat, head: Head, signers: Sequence[Signer], *, previous: int) -> None:
        checkpoint = Checkpoint(origin=head.origin, size=head.frontier.size, root=head.frontier.root())
        self._memory.remember(checkpoint, stored=previous)
        now = self._clock.now()
        text = _note(checkpoint, signers) + self._keys.cosignature(checkpoint.text(), int(now.timestamp()))
        made = SignedCheckpoint(checkpoint=checkpoint, note=text, signed_at=now)
        if not await seat.publish(head.log, made, previous):
            raise AuditError(previous, f"another checkpoint than that of size {checkpoint.size} was stored")
        _signed_size.labels(head.origin).set(checkpoint.size)

    async def _exactly(self, seat: Seat, log: int, error: AuditError | TreeError) -> AuditError:
        """Return the first bad index as a walk over the whole log finds it; what was seen, where that finds none."""
        seen = error if isinstance(error, AuditError) else AuditError(0, f"{error}")
        try:
            scan = Scan(seat, await seat.head_of(log), self._keys)
            while not scan.ended:
                await scan.step()
        except AuditError as found:
            return found
        except TreeError:
            pass
        return seen


def _note(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    text, name = checkpoint.text(), checkpoint.origin
    lines = [note.signature_line(text, name=name, public_key=s.public_key, signer=s.sign) for s in signers]
    return f"{text}\n{''.join(lines)}"


async def _roots(seat: Seat, log: int, sizes: Sequence[int]) -> list[bytes]:
    """Return the roots at these sizes, folded from stored tiles."""
    spans = [range(size) for size in sizes]
    return fold(spans, await seat.tiles(log, tiles_of(spans)))


async def _frontier(seat: Seat, log: int, size: int) -> Frontier:
    """Return the tree of ``size`` leaves as the stored tiles have it."""
    spans = peak_spans(size)
    return Frontier(size=size, peaks=tuple(fold(spans, await seat.tiles(log, tiles_of(spans)))))
