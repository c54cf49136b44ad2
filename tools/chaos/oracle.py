"""What must be true of the stored logs whatever happened (reliability 2.6); it shares no code with the recorder."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from tools.chaos.history import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log as the database has it."""

    size: int
    """What its head says."""
    rows: Sequence[tuple[int, str, bytes, bytes]]
    """Index, key, leaf and envelope of each record, by index."""
    bodies: Sequence[int]
    """Index of each body."""
    checkpoints: Sequence[tuple[int, bytes, str]]
    """Size, root and note of each checkpoint, by size."""
    tenant: str = "nobody"
    """Whose it is; empty for the log of all logs, whose entries are their own content and nobody's records."""


def read(conninfo: str) -> dict[str, Log]:
    """Read every log as the owner of the database; by origin."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set search_path = recorder")
        heads = connection.execute("select log, origin, size, tenant from head").fetchall()
        return {origin: _read(connection, log, size, tenant) for log, origin, size, tenant in heads}


def _read(connection: psycopg.Connection, log: int, size: int, tenant: str) -> Log:
    rows = connection.execute("select seq, ik, leaf, envelope from ev where log = %s order by seq", [log]).fetchall()
    bodies = connection.execute("select seq from ev_body where log = %s order by seq", [log]).fetchall()
    checkpoints = connection.execute("select size, root, note from checkpoint where log = %s order by size", [log])
    return Log(
        size=size, rows=rows, bodies=[seq for (seq,) in bodies], checkpoints=checkpoints.fetchall(), tenant=tenant
    )


def violations(
    logs: Mapping[str, Log], places: Mapping[str, Collection[Place]], promised: Collection[str] = ()
) -> list[str]:
    """Return every promise that is broken, each in a sentence; none is the only good answer."""
    found = [problem for origin, log in logs.items() for problem in _of_log(origin, log)]
    stored = {(o, index): (key, leaf) for o, log in logs.items() for index, key, leaf, _ in log.rows}
    for key, named in places.items():
        if len(named) > 1:
            found.append(f"{key} was acknowledged at more than one place: {sorted((p.origin, p.index) for p in named)}")
        found += [
            f"{key} is not at {p.origin} {p.index}" for p in named if stored.get((p.origin, p.index)) != (key, p.leaf)
        ]
    keys = [key for key, _ in stored.values()]
    found += [f"{key} did not arrive" for key in set(promised).difference(keys)]
    # Keys are a tenant's: logs of different tenants may share one.
    own = [(logs[origin].tenant, key) for (origin, _), (key, _) in stored.items()]
    found += [f"{key} is there twice" for _, key in _twice(own)]
    return found


def _of_log(origin: str, log: Log) -> Iterator[str]:
    indexes = [row[0] for row in log.rows]
    if indexes != list(range(len(indexes))):
        yield f"{origin}: an index is missing or there twice"
    if log.size != len(indexes):
        yield f"{origin}: the head says {log.size}, and there are {len(indexes)} records"
    if list(log.bodies) != (indexes if log.tenant else []):
        yield f"{origin}: records and bodies do not belong together"
    leaves = [hashlib.sha256(b"\0" + envelope).digest() for _, _, _, envelope in log.rows]
    yield from (
        f"{origin}: leaf {at} is not that of its envelope" for at, row in enumerate(log.rows) if row[2] != leaves[at]
    )
    roots = _roots(leaves, {size for size, _, _ in log.checkpoints})
    for size, root, note in log.checkpoints:
        if roots.get(size) != root:
            yield f"{origin}: the checkpoint of size {size} is of another tree"
        if note.split("\n")[:2] != [origin, str(size)]:
            yield f"{origin}: the note of size {size} says something else"


def _roots(leaves: Sequence[bytes], sizes: Collection[int]) -> dict[int, bytes]:
    """Return the RFC 6962 root at each of these sizes, in one pass."""
    roots, peaks = dict[int, bytes](), list[tuple[int, bytes]]()
    if 0 in sizes:
        roots[0] = hashlib.sha256(b"").digest()
    for size, leaf in enumerate(leaves, start=1):
        peaks.append((1, leaf))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (width, right), (_, left) = peaks.pop(), peaks.pop()
            peaks.append((2 * width, _join(left, right)))
        if size in sizes:
            *rest, (_, root) = peaks
            for _, peak in reversed(rest):
                root = _join(peak, root)
            roots[size] = root
    return roots


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _twice(names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    seen, again = set[tuple[str, str]](), list[tuple[str, str]]()
    for name in names:
        again += [name] if name in seen else []
        seen.add(name)
    return again
