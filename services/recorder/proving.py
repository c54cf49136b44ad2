"""Make proofs from stored tiles, each with a signed checkpoint that covers it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.errors import CallerError, Kind, invalid
from services.recorder.core.proof import Span, consistency_spans, fold, inclusion_spans, tiles_of
from services.recorder.ports import EvidenceReader, Head, SignedCheckpoint
from services.recorder.publisher import Publisher


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


class Proving:
    """Proofs over one log; the caller has already found the log for its tenant."""

    def __init__(self, reader: EvidenceReader, publisher: Publisher) -> None:
        self._reader, self._publisher = reader, publisher

    def check_index(self, head: Head, index: int) -> None:
        """Return if the log has a record ``index``.

        Raises:
            CallerError: INDEX_OUT_OF_RANGE, with the log's size.
        """
        if not 0 <= index < head.frontier.size:
            raise _outside("index", index, head)

    async def inclusion(self, head: Head, index: int) -> Inclusion:
        """Prove that record ``index`` is in the log.

        Raises:
            CallerError: INDEX_OUT_OF_RANGE.
        """
        self.check_index(head, index)
        signed = await self._publisher.cover(head, index + 1)
        path = await self._roots(head, inclusion_spans(index, signed.checkpoint.size))
        return Inclusion(path=path, signed=signed)

    async def consistency(self, head: Head, first: int, second: int) -> Consistency:
        """Prove that the log of ``second`` leaves only adds to that of ``first``; 0 means the newest checkpoint's size.

        Raises:
            CallerError: FIELD_OUT_OF_RANGE, the sizes are not 1 <= first <= second; INDEX_OUT_OF_RANGE.
        """
        if second > head.frontier.size:
            raise _outside("to_size", second, head)
        signed = await self._publisher.cover(head, second or 1)
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
        return await self._publisher.cover(head, head.frontier.size)

    async def _roots(self, head: Head, spans: Sequence[Span]) -> Sequence[bytes]:
        return fold(spans, await self._reader.tiles(head.log, tiles_of(spans)))


def _outside(field: str, value: int, head: Head) -> CallerError:
    metadata = {"origin": head.origin, "size": str(head.frontier.size)}
    message = f"{field} {value} is beyond the end of the log"
    return CallerError(Kind.OUT_OF_RANGE, "INDEX_OUT_OF_RANGE", message, metadata=metadata)
