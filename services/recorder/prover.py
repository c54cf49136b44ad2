"""Make proofs from stored tiles, each with a signed checkpoint that covers it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.errors import invalid
from services.recorder.core.log import outside
from services.recorder.core.proof import Span, consistency_spans, fold, inclusion_spans, tiles_of
from services.recorder.desk import Desk
from services.recorder.ports import EvidenceReader, Head, SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """The path from one leaf to the root that the checkpoint signs."""

    path: Sequence[bytes]
    signed: SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """The proof that a log only grew from one size to another, and both roots."""

    first: int
    second: int
    path: Sequence[bytes]
    first_root: bytes
    second_root: bytes
    signed: SignedCheckpoint


class Prover:
    """Proofs over one log; the caller has already found the log for its tenant."""

    def __init__(self, reader: EvidenceReader, desk: Desk) -> None:
        self._reader, self._desk = reader, desk

    async def inclusion(self, head: Head, index: int) -> Inclusion:
        """Prove that record ``index``, which has been found in the log, is in it."""
        signed = await self._desk.cover(head, index + 1)
        path = await self._roots(head, inclusion_spans(index, signed.checkpoint.size))
        return Inclusion(path=path, signed=signed)

    async def consistency(self, head: Head, first: int, second: int) -> Consistency:
        """Prove that the log of ``second`` leaves only adds to that of ``first``; 0 means the newest checkpoint's size.

        Raises:
            CallerError: FIELD_OUT_OF_RANGE, the sizes are not 1 <= first <= second; INDEX_OUT_OF_RANGE.
        """
        if second > head.frontier.size:
            raise outside("to_size", second, name=head.origin, size=head.frontier.size)
        signed = await self._desk.cover(head, second or 1)
        second = second or signed.checkpoint.size
        if not 1 <= first <= second:
            raise invalid("from_size", f"must be from 1 to {second}", value=first)
        path = await self._roots(head, consistency_spans(first, second))
        first_root, second_root = await self._roots(head, [range(first), range(second)])
        return Consistency(
            first=first, second=second, path=path, first_root=first_root, second_root=second_root, signed=signed
        )

    async def checkpoint(self, head: Head) -> SignedCheckpoint:
        """Return a checkpoint of all that is committed."""
        return await self._desk.whole(head)

    async def _roots(self, head: Head, spans: Sequence[Span]) -> Sequence[bytes]:
        return fold(spans, await self._reader.tiles(head.log, tiles_of(spans)))
