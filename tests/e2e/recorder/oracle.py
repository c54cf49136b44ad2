"""What must be true of the stored log whatever was killed (reliability 2.6)."""

import hashlib
from collections.abc import Sequence

import psycopg

from magistrate.recorder.v1 import recorder_pb2 as pb
from tests.fakes.postgres import Database


def check(database: Database, acknowledged: dict[str, list[pb.Position]]) -> None:
    """Assert it: nothing acknowledged is lost or moved, no gap, no duplicate, no checkpoint of another tree."""
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("set search_path = recorder")
        rows = connection.execute("select seq, ik, leaf, envelope from ev order by seq").fetchall()
        head = connection.execute("select size from head").fetchone()
        bodies = connection.execute("select seq from ev_body order by seq").fetchall()
        checkpoints = connection.execute("select size, root from checkpoint order by size").fetchall()
    indexes = [row[0] for row in rows]
    assert indexes == list(range(len(rows))) == [seq for (seq,) in bodies], "no gap, no index twice"
    assert head == (len(rows),)
    assert len({row[1] for row in rows}) == len(rows), "no key twice"
    stored = {key: (index, leaf) for index, key, leaf, _ in rows}
    for key, positions in acknowledged.items():
        assert {(position.index, position.leaf_hash) for position in positions} == {stored[key]}, key
    leaves = [hashlib.sha256(b"\0" + envelope).digest() for _, _, _, envelope in rows]
    assert leaves == [row[2] for row in rows]
    for size, root in checkpoints:
        assert root == _root(leaves[:size]), f"the checkpoint at size {size} is of this log"


def _root(level: Sequence[bytes]) -> bytes:
    """Compute the RFC 6962 root level by level: a last node without a sibling rises as it is."""
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + b"".join(pair)).digest() if len(pair) > 1 else pair[0] for pair in pairs]
    return level[0]
