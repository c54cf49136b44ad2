"""Which tiles and records make a range that can be checked, and how records are put into messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError, Kind
from services.recorder.core.export import MESSAGE_BYTES, Extent, disclosure, extent, groups
from services.recorder.core.proof import Tile, tiles_of

ORIGIN = "evidence/local/acme/2026h2"
SIZES = st.integers(1, 300_000)


@given(size=SIZES, data=st.data())
def test_the_tiles_lead_to_the_root(size: int, data: st.DataObject) -> None:
    """Whatever is asked for, the tiles of an export are all that the root at its size is folded from."""
    start = data.draw(st.integers(0, size - 1))
    asked = Extent(start=start, stop=data.draw(st.integers(start + 1, size)), size=size)

    exported = {*asked.tiles(), *(Tile(0, bundle) for bundle in asked.bundles)}

    assert tiles_of([range(size)]) <= exported
    assert all(0 < asked.width(tile) <= 256 for tile in exported)


@given(size=SIZES, data=st.data())
def test_the_bundles_hold_what_was_asked_for(size: int, data: st.DataObject) -> None:
    """Bundles begin and end at tiles, cover the range, and none is without a record that was asked for."""
    start = data.draw(st.integers(0, size))
    asked = Extent(start=start, stop=data.draw(st.integers(start, size)), size=size)

    indexes = [asked.indexes(bundle) for bundle in asked.bundles]

    if start == asked.stop:
        assert not indexes
        return
    assert indexes[0].start <= start < indexes[0].stop
    assert indexes[-1].start < asked.stop <= indexes[-1].stop
    assert all(each.stop % 256 == 0 or each.stop == size for each in indexes)
    assert sum(asked.has(index) for each in indexes[:1] + indexes[-1:] for index in each) > 0


def test_the_tiles_of_the_published_example() -> None:
    """A tree of 70,000 has one full and one partial tile at level 1 and a single hash at level 2 (tlog-tiles)."""
    asked = Extent(start=0, stop=70_000, size=70_000)

    assert len(asked.bundles) == 274
    assert asked.width(Tile(0, 273)) == 112
    assert [(tile.level, tile.number, asked.width(tile)) for tile in asked.tiles()] == [
        (1, 0, 256),
        (1, 1, 17),
        (2, 0, 1),
    ]


@pytest.mark.parametrize(
    ("start", "stop", "kind"), [(0, 11, Kind.OUT_OF_RANGE), (10, 10, Kind.INVALID), (-1, 5, Kind.INVALID)]
)
def test_ranges_that_no_log_has(start: int, stop: int, kind: Kind) -> None:
    """A range beyond the end, or one that runs backwards, is refused."""
    with pytest.raises(CallerError) as raised:
        extent(start, stop, 10, origin=ORIGIN)

    assert raised.value.kind is kind


@given(sizes=st.lists(st.integers(0, 2 * MESSAGE_BYTES), max_size=300))
def test_messages_keep_their_limit(sizes: list[int]) -> None:
    """Every record goes into exactly one message, in order, and no message of several is too large."""
    found = list(groups(sizes))

    assert [at for group in found for at in range(len(sizes))[group]] == list(range(len(sizes)))
    for group in found:
        assert sum(sizes[group]) <= MESSAGE_BYTES or sum(1 for size in sizes[group] if size) == 1


def test_a_disclosure_names_nobody() -> None:
    """The record of an export says what left and keeps who asked, and about whom, out of the log."""
    draft = disclosure("acme", ORIGIN, Extent(start=3, stop=9, size=9), by="bob", identity="1f", about=True)

    assert draft.attributes == {
        "event": "content_exported",
        "log": ORIGIN,
        "records": "3-8",
        "content": "of one person",
    }
    assert (draft.kind, draft.subject_id, draft.payload) == ("SECURITY", "bob", b"bob")
