"""Make proofs from stored tiles, each with a signed checkpoint that covers it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.errors import WorldError, invalid
from services.recorder.core.log import outside
from services.recorder.core.proof import Span, Tile, consistency_spans, fold, inclusion_spans, tiles_of, way, way_tiles
from services.recorder.ports import EvidenceReader, Head, SignedCheckpoint
from services.recorder.reading.desk import Desk

LARGEST_BATCH = 1000
PATHS_AT_ONCE = 100
"""Paths that are made in one go: ten milliseconds of hashing, where no tile is at hand, between two other calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """The path from one leaf to the root that the checkpoint signs."""

    path: Sequence[bytes]
    signed: SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The path from one leaf to a root."""

    index: int
    leaf: bytes
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusions:
    """The paths from many leaves to the one root that the checkpoint signs."""

    paths: Sequence[Path]
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

    async def inclusions(self, head: Head, indexes: Sequence[int]) -> Inclusions:
        """Prove that many records are in the log.

        Raises:
            CallerError: FIELD_REQUIRED or FIELD_TOO_LONG, there are not 1 to 1000; INDEX_OUT_OF_RANGE.
        """
        if not 1 <= len(indexes) <= LARGEST_BATCH:
            reason = "FIELD_TOO_LONG" if indexes else "FIELD_REQUIRED"
            raise invalid("indexes", f"must be 1 to {LARGEST_BATCH}", reason=reason, value=len(indexes))
        for index in indexes:
            if not 0 <= index < head.frontier.size:
                raise outside("index", index, name=head.origin, size=head.frontier.size)
        signed = await self._desk.cover(head, max(indexes) + 1)
        paths = list[Path]()
        for at in range(0, len(indexes), PATHS_AT_ONCE):
            paths += await self._paths(head, indexes[at : at + PATHS_AT_ONCE], signed.checkpoint.size)
        return Inclusions(paths=paths, signed=signed)

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

    async def newest(self, head: Head) -> SignedCheckpoint:
        """Return a checkpoint of all that is committed; of a log that was altered, the newest from before that."""
        try:
            return await self._desk.whole(head)
        except WorldError as error:
            if error.reason != "RECORD_DAMAGED":
                raise
        return await self._desk.cover(head, 1)

    async def _paths(self, head: Head, indexes: Sequence[int], size: int) -> list[Path]:
        wanted = set[Tile]().union(*(way_tiles(index, size) for index in indexes))
        tiles = await self._reader.tiles(head.log, wanted)
        ways = ((index, *way(index, size, tiles)) for index in indexes)
        return [Path(index=index, leaf=leaf, hashes=hashes) for index, leaf, hashes in ways]

    async def _roots(self, head: Head, spans: Sequence[Span]) -> Sequence[bytes]:
        return fold(spans, await self._reader.tiles(head.log, tiles_of(spans)))
