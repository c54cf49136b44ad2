"""The evidence log in memory: what a developer's store would be, held to the same promises as PostgreSQL's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.recorder.core.batch import Entry, plan
from services.recorder.core.custody import Body
from services.recorder.core.envelope import attributes
from services.recorder.core.merkle import Frontier
from services.recorder.core.proof import Tile, Tiles, TileTree
from services.recorder.ports import Head, Hits, Query, Stored, Written


@dataclass(slots=True)
class _Log:
    number: int
    origin: str
    tenant: str
    frontier: Frontier = field(default_factory=Frontier)
    entries: list[Entry] = field(default_factory=list)
    tiles: dict[Tile, bytes] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """Return the part of the name before the half-year, where it has one."""
        parts = self.origin.split("/")
        return parts[3] if len(parts) > 4 else ""

    @property
    def head(self) -> Head:
        """Return the log as it is now."""
        return Head(log=self.number, origin=self.origin, tenant=self.tenant, frontier=self.frontier)


class MemoryEvidence:
    """Writer and reader in one; nothing of it survives the process."""

    def __init__(self) -> None:
        self._logs = list[_Log]()

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write what is new of one tenant's ``entries``, which are all of one log."""
        known = {entry.key: (log, at) for log in self._of(tenant) for at, entry in enumerate(log.entries)}
        log = self._log(tenant, entries[-1].origin)
        planned = plan(log.frontier, entries, known)
        for at, entry in enumerate(planned.fresh, start=planned.first_index):
            self._keep(log, 0, at, entry.leaf)
        for node in planned.nodes:
            self._keep(log, node.level // 8, node.number, node.hash)
        log.entries += planned.fresh
        log.frontier = planned.frontier
        fresh = {
            entry.key: _written(log, at, already=False)
            for at, entry in enumerate(log.entries)
            if entry.key not in known
        }
        return {entry.key: fresh.get(entry.key) or _written(*known[entry.key], already=True) for entry in entries}

    async def head(self, tenant: str, origin: str, stream: str = "") -> Head | None:
        """Return one log of the tenant; for an empty ``origin`` its newest of the stream."""
        logs = [log for log in self._of(tenant) if log.origin == origin or (not origin and log.stream == stream)]
        return logs[-1].head if logs else None

    async def decision(self, tenant: str, decision_id: str) -> tuple[Head, Stored] | None:
        """Return the newest record of kind DECISION about a decision, and its log."""
        for log in reversed(self._of(tenant)):
            for at, entry in reversed(list(enumerate(log.entries))):
                if (entry.kind, entry.decision_id) == ("DECISION", decision_id):
                    return log.head, _stored(log, at, bodies=True)
        return None

    async def record(self, head: Head, index: int) -> Stored | None:
        """Return one record."""
        log = self._logs[head.log]
        return _stored(log, index, bodies=True) if 0 <= index < len(log.entries) else None

    async def records(self, head: Head, query: Query) -> Hits:
        """Return a page of records, without their bodies."""
        log = self._logs[head.log]
        found = [at for at, entry in enumerate(log.entries) if at > query.after and _matches(entry, query)]
        records = [_stored(log, at, bodies=False) for at in found[: query.limit]]
        return Hits(records=records, upto=len(log.entries))

    async def tiles(self, log: int, wanted: Collection[Tile]) -> Tiles:
        """Return the stored hashes of each tile; one of which nothing is stored is missing."""
        stored = self._logs[log].tiles
        return {tile: TileTree(stored[tile]) for tile in wanted if tile in stored}

    def _of(self, tenant: str) -> list[_Log]:
        return [log for log in self._logs if log.tenant == tenant]

    def _log(self, tenant: str, origin: str) -> _Log:
        for log in self._of(tenant):
            if log.origin == origin:
                return log
        self._logs.append(_Log(len(self._logs), origin, tenant))
        return self._logs[-1]

    @staticmethod
    def _keep(log: _Log, level: int, number: int, hash_: bytes) -> None:
        tile = Tile(level, number // 256)
        log.tiles[tile] = log.tiles.get(tile, b"") + hash_


def _matches(entry: Entry, query: Query) -> bool:
    named = attributes(entry.envelope)
    return (
        query.kind in {"", entry.kind}
        and query.decision_id in {"", entry.decision_id}
        and (query.since is None or entry.recorded_at >= query.since)
        and (query.until is None or entry.recorded_at < query.until)
        and all(fact.name in named and fact.value in {None, named[fact.name]} for fact in query.facts)
    )


def _written(log: _Log, index: int, *, already: bool) -> Written:
    entry = log.entries[index]
    return Written(
        origin=log.origin,
        index=index,
        leaf=entry.leaf,
        envelope=entry.envelope,
        body=Body(sealed=entry.sealed, key=entry.data_key),
        already_recorded=already,
    )


def _stored(log: _Log, index: int, *, bodies: bool) -> Stored:
    entry = log.entries[index]
    return Stored(
        origin=log.origin,
        tenant=log.tenant,
        index=index,
        key=entry.key,
        leaf=entry.leaf,
        envelope=entry.envelope,
        body=Body(sealed=entry.sealed, key=entry.data_key) if bodies else None,
        kind=entry.kind,
        decision_id=entry.decision_id,
        content_type=entry.content_type,
        intent=entry.intent,
        recorded_at=entry.recorded_at,
    )
