"""Hand out a range of a log, piece by piece, with all that a stranger needs to check it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError
from services.recorder.core import body
from services.recorder.core.custody import BodyState
from services.recorder.core.envelope import check_person
from services.recorder.core.export import Extent, disclosure, extent, groups
from services.recorder.core.merkle import HASH_BYTES
from services.recorder.core.proof import TILE_WIDTH, Tile
from services.recorder.ports import EvidenceReader, Head, Keyring, RangeReader, SignedCheckpoint, Stored
from services.recorder.reading.prover import Prover
from services.recorder.writing.intake import Intake

EARLIER_CHECKPOINTS = 100
"""Of the checkpoints that a log had, so many at most, from all of the range."""
PAGE_RECORDS, PAGE_BODIES = 256, 16
"""Records that are read at once, without and with their bodies: at most 16 MiB of these."""
_IDENTITY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller asks for."""

    start: int
    stop: int
    since: datetime | None
    until: datetime | None
    opened: bool
    sealed: bool
    subject_id: str

    @property
    def bodies(self) -> bool:
        """Return whether any content is asked for."""
        return self.opened or self.sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the export is of."""

    origin: str
    extent: Extent
    exported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """A tile."""

    tile: Tile
    hashes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A record with as much of its content as was asked for and is there."""

    record: Stored
    payload: bytes = b""
    salt: bytes = b""
    sealed: bytes = b""

    @property
    def size_bytes(self) -> int:
        """Return what it weighs in a message."""
        return len(self.record.envelope) + len(self.payload) + len(self.sealed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A checkpoint from before the newest."""

    signed: SignedCheckpoint


Piece = Opening | Hashes | Sequence[Exported] | Earlier | SignedCheckpoint


class Exporter:
    """Exports from logs that the caller has found for its tenant."""

    def __init__(
        self,
        *,
        reader: EvidenceReader,
        ranges: RangeReader,
        prover: Prover,
        keyring: Keyring,
        intake: Intake,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._reader, self._ranges, self._prover = reader, ranges, prover
        self._keyring, self._intake = keyring, intake
        self._clock, self._random_bytes = clock, random_bytes

    async def export(
        self, head: Head, wanted: Wanted, by: str, remaining_s: float | None
    ) -> AsyncGenerator[Piece, None]:
        """Yield the pieces: opening, tiles, records, earlier checkpoints, and the checkpoint that signs all of it.

        What the checkpoint covers never changes, so the pieces fit together however long the caller takes. Content may
        perish meanwhile; its record then says so. A log that was altered is exported as it stands: whoever checks it
        finds where.

        Raises:
            CallerError: FIELD_OUT_OF_RANGE, INDEX_OUT_OF_RANGE, FIELD_TOO_LONG, FIELD_MALFORMED.
            WorldError: RECORD_DAMAGED; STORE_UNAVAILABLE; as an append, where the disclosure cannot be recorded.
        """
        check_person("subject_id", wanted.subject_id)
        signed = await self._prover.newest(head)
        asked = await self._extent(head, wanted, signed.checkpoint.size)
        if wanted.opened:
            await self._disclose(head, asked, wanted, by, remaining_s)
        yield Opening(origin=head.origin, extent=asked, exported_at=self._clock.now())
        for tile in asked.tiles():
            yield await self._tile(head, asked, tile)
        async for piece in self._records(head, asked, wanted):
            yield piece
        last = min(asked.bundles.stop * TILE_WIDTH, asked.size - 1)
        for earlier in await self._ranges.checkpoints(head, asked.start + 1, last, EARLIER_CHECKPOINTS):
            yield Earlier(signed=earlier)
        yield signed

    async def _extent(self, head: Head, wanted: Wanted, size: int) -> Extent:
        asked = extent(wanted.start, wanted.stop, size, origin=head.origin)
        if wanted.since is None and wanted.until is None:
            return asked
        recorded = await self._ranges.recorded(head, wanted.since, wanted.until)
        start = min(max(asked.start, recorded.start), asked.stop)
        return Extent(start=start, stop=max(start, min(asked.stop, recorded.stop)), size=size)

    async def _disclose(self, head: Head, asked: Extent, wanted: Wanted, by: str, remaining_s: float | None) -> None:
        identity = self._random_bytes(_IDENTITY_BYTES).hex()
        draft = disclosure(head.tenant, head.origin, asked, by=by, identity=identity, about=bool(wanted.subject_id))
        await self._intake.append(draft, remaining_s)

    async def _tile(self, head: Head, asked: Extent, tile: Tile) -> Hashes:
        tree = (await self._reader.tiles(head.log, [tile])).get(tile)
        width = asked.width(tile)
        if tree is None or tree.width < width:
            raise _damaged(f"tile {tile.number} of level {tile.level} is not whole")
        return Hashes(tile=tile, hashes=tree.hashes[: width * HASH_BYTES])

    async def _records(self, head: Head, asked: Extent, wanted: Wanted) -> AsyncIterator[Piece]:
        tags = await self._keyring.tags(head.tenant, wanted.subject_id) if wanted.subject_id else ()
        for bundle in asked.bundles:
            indexes, leaves = asked.indexes(bundle), list[bytes]()
            async for page in self._pages(head, indexes, bodies=wanted.bodies):
                leaves += [record.leaf for record in page]
                exported = [await self._exported(record, asked, wanted, tags) for record in page]
                for group in groups([each.size_bytes for each in exported]):
                    yield exported[group]
            yield Hashes(tile=Tile(0, bundle), hashes=b"".join(leaves))

    async def _pages(self, head: Head, indexes: range, *, bodies: bool) -> AsyncIterator[Sequence[Stored]]:
        step = PAGE_BODIES if bodies else PAGE_RECORDS
        for start in range(indexes.start, indexes.stop, step):
            wanted = range(start, min(start + step, indexes.stop))
            page = await self._ranges.records(head, wanted, bodies=bodies)
            if missing := sorted(set(wanted).difference(each.index for each in page)):
                raise _damaged(f"index {missing[0]} is missing")
            yield page

    async def _exported(self, record: Stored, asked: Extent, wanted: Wanted, tags: Collection[bytes]) -> Exported:
        held = record.body
        if held is None or held.state is not BodyState.PRESENT or not wanted.bodies or not asked.has(record.index):
            return Exported(record=record)
        if tags and (held.key is None or held.key.subject not in tags):
            return Exported(record=record)
        sealed = held.sealed or b"" if wanted.sealed else b""
        if not wanted.opened:
            return Exported(record=record, sealed=sealed)
        opened = await self._keyring.open(held, body.context(record.tenant, record.key))
        salt, payload = body.split(opened or b"")
        return Exported(record=record, payload=payload, salt=salt, sealed=sealed)


def _damaged(problem: str) -> WorldError:
    return WorldError(Kind.INTERNAL, "RECORD_DAMAGED", f"the log is not whole: {problem}")
