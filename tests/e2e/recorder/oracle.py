"""What must be true of the stored log whatever was killed (reliability 2.6)."""

from magistrate.recorder.v1 import recorder_pb2 as pb
from tests.fakes.postgres import Database
from tools.chaos.history import Place
from tools.chaos.oracle import read, violations


def check(database: Database, acknowledged: dict[str, list[pb.Position]]) -> None:
    """Assert it: nothing acknowledged is lost or moved, no gap, no duplicate, no checkpoint of another tree."""
    places = {
        key: {Place(origin=each.origin, index=each.index, leaf=each.leaf_hash) for each in positions}
        for key, positions in acknowledged.items()
    }
    assert violations(read(database.owner_dsn), places) == []
