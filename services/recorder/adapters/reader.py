"""Read evidence back from PostgreSQL, always from the primary."""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import asyncpg
from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.adapters.blocks import runs_of_time
from services.recorder.adapters.bodies import BODY, BODY_TABLES, body_of
from services.recorder.adapters.listing import READ_THROUGH, listing, reads_through
from services.recorder.adapters.tiles import TILES_A_MIB, FullTiles, fetch_tiles
from services.recorder.core.custody import Body
from services.recorder.core.merkle import Frontier
from services.recorder.core.proof import Tile, Tiles
from services.recorder.core.search import parts
from services.recorder.ports import Head, Hits, Query, Stored

HEAD = """
select log, origin, tenant, size, frontier from head
where tenant = $1 and (origin = $2 or $2 = ''
  and case split_part(origin, '/', 5) when '' then '' else split_part(origin, '/', 4) end = $3)
order by log desc limit 1"""
RECORD = f"""
select e.seq, e.ik, e.leaf, e.envelope, e.kind, e.decision_id, e.content_type, e.intent, e.recorded_at, {BODY}
from ev e {BODY_TABLES} where e.log = $1 and e.seq = $2"""  # noqa: S608 - constants
LOGS = "select log, origin, tenant, size, frontier from head where tenant = $1"
# Logs are named, not found by a join: the server then opens, and locks, their tables alone.
DECISION = """
select log, seq from ev
where log = any($1::bigint[]) and decision_id = $2 and decision_id <> '' and kind = 'DECISION'
order by log desc, seq desc limit 1"""


class PostgresReader:
    """Reads heads, records and tiles."""

    def __init__(self, pool: Pool, *, cache_mib: int = 1, read_through: int = READ_THROUGH) -> None:
        self._pool, self._read_through = pool, read_through
        self._full = FullTiles(cache_mib * TILES_A_MIB)

    async def head(self, tenant: str, origin: str, stream: str = "") -> Head | None:
        """Return one log of the tenant; for an empty ``origin`` its newest of the stream."""
        with guarded():
            row = await self._pool.fetchrow(HEAD, tenant, origin, stream)
        return head_of(row) if row else None

    async def decision(self, tenant: str, decision_id: str) -> tuple[Head, Stored] | None:
        """Return the newest record of kind DECISION about a decision, and its log."""
        with guarded():
            heads = {row["log"]: row for row in await self._pool.fetch(LOGS, tenant)}
            row = await self._pool.fetchrow(DECISION, list(heads), decision_id)
        if row is None:
            return None
        head = head_of(heads[row["log"]])
        record = await self.record(head, row["seq"])
        return (head, record) if record else None

    async def record(self, head: Head, index: int) -> Stored | None:
        """Return one record."""
        with guarded():
            row = await self._pool.fetchrow(RECORD, head.log, index)
        return stored_of(head, row, body_of(row)) if row else None

    async def records(self, head: Head, query: Query) -> Hits:
        """Return a page of records, without their bodies; it ends early after much that was read through."""
        found, left = list[Stored](), self._read_through
        for part in await self._parts(head, query):
            statement, values = listing(head.log, query, part, query.limit - len(found))
            with guarded():
                rows = await self._pool.fetch(statement, *values)
            found += [stored_of(head, row) for row in rows]
            left -= len(part)
            if len(found) == query.limit or (left <= 0 and reads_through(query)):
                return Hits(records=found, upto=part.stop)
        return Hits(records=found, upto=head.frontier.size)

    async def _parts(self, head: Head, query: Query) -> Iterable[range]:
        """Return the parts of a log that are looked at, one after the other until a page is full."""
        start, stop = query.after + 1, head.frontier.size
        runs: Sequence[range] = [range(start, stop)]
        if query.since or query.until:
            runs = await runs_of_time(self._pool, head.log, query.since, query.until)
        left = (range(max(run.start, start), min(run.stop, stop)) for run in runs if run.stop > start)
        return chain.from_iterable(map(parts, left)) if query.facts else left

    async def tiles(self, log: int, wanted: Collection[Tile]) -> Tiles:
        """Return the stored hashes of each tile; one of which nothing is stored is missing."""
        known = {tile: tree for tile in wanted if (tree := self._full.get(log, tile))}
        if missing := [tile for tile in wanted if tile not in known]:
            with guarded():
                fetched = await fetch_tiles(self._pool, log, missing)
            for tile, tree in fetched.items():
                self._full.keep(log, tile, tree)
            known |= fetched
        return known


def head_of(row: asyncpg.Record) -> Head:
    """Return the log that a row of `head` describes."""
    frontier = Frontier.from_bytes(row["size"], row["frontier"])
    return Head(log=row["log"], origin=row["origin"], tenant=row["tenant"], frontier=frontier)


def stored_of(head: Head, row: asyncpg.Record, body: Body | None = None) -> Stored:
    """Return the record that a row of `ev` describes."""
    return Stored(
        origin=head.origin,
        tenant=head.tenant,
        index=row["seq"],
        key=row["ik"],
        leaf=row["leaf"],
        envelope=row["envelope"],
        body=body,
        kind=row["kind"],
        decision_id=row["decision_id"],
        content_type=row["content_type"],
        intent=row["intent"],
        recorded_at=row["recorded_at"],
    )
