"""Read a whole log anew, from its first record, and compare it with everything that was ever derived from it."""

from collections.abc import Collection, Sequence

from services.recorder.core.audit import AuditError, Record, check_head, check_signed, checked
from services.recorder.core.merkle import Frontier, Node
from services.recorder.core.remains import check_remains
from services.recorder.core.succession import announced
from services.recorder.ports import Head, SignedCheckpoint
from services.recorder.publisher.ports import Keys, Logs

PAGE_RECORDS = 2000
"""Records re-read at a time: few milliseconds of hashing between two turns of the event loop."""

PAGE_BODIES = 100
"""Bodies that the store hashes in one statement, each of up to 1 MiB."""


class Scan:
    """One walk over a log as it was when it began; it ends where its head then ended."""

    def __init__(self, logs: Logs, head: Head, keys: Keys) -> None:
        self._logs, self._head, self._keys = logs, head, keys
        self._derived, self._agreed = Frontier(), 0
        self._must_sign: bytes | None = None

    @property
    def ended(self) -> bool:
        """Return whether everything was read and agrees."""
        return self._derived.size == self._head.frontier.size

    async def step(self) -> int:
        """Read the next page and return how many records it had.

        Raises:
            AuditError: a record, a tile, a checkpoint or the head is not what it was.
            WorldError: the store is away; the same step may be repeated.
        """
        log, start = self._head.log, self._derived.size
        stop = min(self._head.frontier.size, start + PAGE_RECORDS)
        records = list(checked(start, await self._logs.records(log, start, stop), stop))
        nodes = {(node.level, node.number): node.hash for node in await self._logs.nodes(log, start, stop)}
        self._grow(records, await self._logs.checkpoints(log, start, stop), nodes)
        await self._check_bodies(records)
        if self.ended:
            check_head(self._derived, self._head.frontier)
            await self._check_end()
        return stop - start

    def _grow(
        self,
        records: Sequence[Record],
        checkpoints: Sequence[SignedCheckpoint],
        nodes: dict[tuple[int, int], bytes],
    ) -> None:
        start = self._derived.size
        for signed in checkpoints:
            self._extend(records[self._derived.size - start : signed.checkpoint.size - start], nodes)
            self._compare(signed)
        self._extend(records[self._derived.size - start :], nodes)

    def _extend(self, records: Sequence[Record], nodes: dict[tuple[int, int], bytes]) -> None:
        growth = self._derived.extend(leaf for _, leaf, _ in records)
        for node in growth.nodes:
            _check_node(node, nodes)
        self._derived = growth.frontier
        for _, _, envelope in records:
            if (key := announced(envelope)) in self._keys.known():
                self._must_sign = key

    def _compare(self, signed: SignedCheckpoint) -> None:
        check_signed(self._derived, signed.checkpoint, since=self._agreed)
        check_signers(self._keys.signed_by(signed), signed.checkpoint.size, self._must_sign)
        self._agreed = signed.checkpoint.size

    async def _check_bodies(self, records: Sequence[Record]) -> None:
        """Compare every stored body with what its envelope says, a few at a time: the store hashes each of them."""
        has_bodies = bool(self._head.tenant)  # the meta-log is all that it says
        for at in range(0, len(records) if has_bodies else 0, PAGE_BODIES):
            if not await self._logs.shelved(self._head):
                return
            page = records[at : at + PAGE_BODIES]
            remains = await self._logs.remains(self._head.log, page[0][0], page[-1][0] + 1)
            # Their retention may have ended between the two looks.
            if any(left.digest is None for left in remains) and not await self._logs.shelved(self._head):
                return
            for (_, _, envelope), left in zip(page, remains, strict=True):
                check_remains(left, envelope, self._head.origin)

    async def _check_end(self) -> None:
        """Compare the newest checkpoint with the head: records at the end may have been taken away."""
        newest = await self._logs.newest(self._head.log)
        if newest and newest.checkpoint.size > self._head.frontier.size:
            now = await self._logs.head_of(self._head.log)
            if now.frontier.size < newest.checkpoint.size:
                raise AuditError(now.frontier.size, f"is missing up to {newest.checkpoint.size - 1}, which was signed")


def check_signers(signed_by: Collection[bytes], size: int, must_sign: bytes | None) -> None:
    """Compare the keys that signed a checkpoint with the one that must have.

    Raises:
        AuditError: it is not among them, or there is none.
    """
    if not signed_by or (must_sign and must_sign not in signed_by):
        raise AuditError(size - 1, "the checkpoint up to here is not signed by the key of the log")


def _check_node(node: Node, stored: dict[tuple[int, int], bytes]) -> None:
    if stored.get((node.level, node.number)) != node.hash:
        raise AuditError(node.number << node.level, f"the stored tile of level {node.level} is not that of the records")
