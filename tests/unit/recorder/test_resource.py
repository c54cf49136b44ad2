"""Each tile and bundle has exactly one address, the one that C2SP tlog-tiles gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.proof import Tile
from services.recorder.core.resource import Part, bundle, parse
from tools.verify.archive.layout import bundle_path, tile_path

numbers = st.one_of(st.integers(0, 2000), st.integers(0, (1 << 55) - 1))
widths = st.integers(1, 256)


def address(part: Part) -> str:
    """Return where a part is, by the words of those who wrote the reader of such folders."""
    if part.is_bundle:
        return bundle_path(part.tile.number, part.width)
    return tile_path(part.tile.level, part.tile.number, part.width)


@given(level=st.integers(0, 63), number=numbers, width=widths)
def test_tiles_are_found_at_their_address(level: int, number: int, width: int) -> None:
    """Whatever level, number and width a tile has, its address leads to it."""
    assert parse(tile_path(level, number, width)) == Part(tile=Tile(level, number), width=width)


@given(number=numbers, width=widths)
def test_bundles_are_found_at_their_address(number: int, width: int) -> None:
    """Bundles are numbered as the tiles of leaves above them."""
    assert parse(bundle_path(number, width)) == Part(tile=Tile(0, number), width=width, is_bundle=True)


@given(st.from_regex(r"tile/(\d{1,3}|entries)/(x?\d{3}/){0,3}\d{2,4}(\.p/\d{1,4})?", fullmatch=True))
def test_nothing_has_two_addresses(path: str) -> None:
    """A path that is read is the only one of what it names: caches hold nothing twice."""
    part = parse(path)

    assert part is None or address(part) == path


@pytest.mark.parametrize(
    ("size", "level", "number", "width", "covered"),
    [
        (70_000, 0, 273, 112, True),
        (70_000, 0, 273, 113, False),
        (70_000, 0, 272, 256, True),
        (70_000, 1, 1, 17, True),
        (70_000, 1, 1, 18, False),
        (70_000, 2, 0, 1, True),
        (70_000, 3, 0, 1, False),
        (256, 1, 0, 1, True),
        (255, 1, 0, 1, False),
    ],
)
def test_what_a_tree_covers(size: int, level: int, number: int, width: int, covered: bool) -> None:
    """A tile is there as far as the signed tree reaches, as in the example of tlog-tiles."""
    assert Part(tile=Tile(level, number), width=width).covered(size) is covered


def test_a_bundle_of_records() -> None:
    """Each record comes after its length, the larger byte first; an empty record is a length alone."""
    assert bundle([b"abc", b"", b"x" * 258]) == b"\x00\x03abc" + b"\x00\x00" + b"\x01\x02" + b"x" * 258
