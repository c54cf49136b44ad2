"""An export becomes a folder all at once or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from tools.archive import ArchiveError, write

LEAF = bytes(32)
LOG = pb.ExportResponse(log=pb.ExportedLog(origin="evidence/local/acme/2026h2", tree_size=1, end_index=1))
RECORD = pb.Record(position=pb.Position(index=0, leaf_hash=LEAF), envelope=b"{}", body_state=pb.BODY_STATE_PRESENT)
RECORDS = pb.ExportResponse(records=pb.ExportedRecords(records=[RECORD]))
TILE = pb.ExportResponse(tile=pb.Tile(level=0, number=0, hashes=LEAF))
CHECKPOINT = pb.ExportResponse(checkpoint="a\n1\nb\n\nc\n")
WHOLE = [LOG, RECORDS, TILE, CHECKPOINT]


class LostError(Exception):
    """The connection is lost."""


def broken() -> Iterator[pb.ExportResponse]:
    """Yield an export whose connection is lost in the middle."""
    yield LOG
    yield RECORDS
    raise LostError


def test_a_whole_export(tmp_path: Path) -> None:
    """Every piece has its file, and nothing else is left beside them."""
    written = write(WHOLE, tmp_path / "out")

    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {
        *("README.txt", "SHA256SUMS", "checkpoint", "content.jsonl", "log.json"),
        *("tile/0/000.p/1", "tile/entries/000.p/1"),
    }
    assert (tmp_path / "out/tile/entries/000.p/1").read_bytes() == b"\x00\x02{}"
    assert (written.start, written.stop, written.tree_size, written.contents) == (0, 1, 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "pieces",
    [
        *([], [CHECKPOINT], WHOLE[:1], WHOLE[:2], WHOLE[:3], [LOG, RECORDS, CHECKPOINT]),
        [LOG, pb.ExportResponse(tile=pb.Tile(level=0, number=-1, hashes=LEAF)), CHECKPOINT],
        [LOG, pb.ExportResponse(earlier_checkpoint="none"), CHECKPOINT],
        [LOG, pb.ExportResponse(earlier_checkpoint="a\n../../b\nc\n"), CHECKPOINT],
    ],
    ids=[
        *("nothing", "no log", "log alone", "no tile", "no checkpoint", "a bundle without its tile"),
        *("a tile below 0", "no checkpoint's form", "no size"),
    ],
)
def test_an_export_that_is_not_whole(tmp_path: Path, pieces: list[pb.ExportResponse]) -> None:
    """What breaks off leaves no folder that could be taken for an export."""
    with pytest.raises(ArchiveError):
        write(pieces, tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_a_lost_connection(tmp_path: Path) -> None:
    """An error on the way comes through as it is, and leaves nothing."""
    with pytest.raises(LostError):
        write(broken(), tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_nothing_is_mixed(tmp_path: Path) -> None:
    """An export does not go into what is there already."""
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError):
        write(WHOLE, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []
