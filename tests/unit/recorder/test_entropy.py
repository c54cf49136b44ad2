"""Random bytes are handed out once."""

import os

import pytest

from services.recorder.adapters.entropy import Entropy


@pytest.fixture(name="reads")
def count_upwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count upwards instead of drawing, so that a byte that comes twice is seen; yield how much each read took."""
    read = list[int]()

    def urandom(count: int) -> bytes:
        start = sum(read)
        read.append(count)
        return bytes(range(start, start + count))

    monkeypatch.setattr(os, "urandom", urandom)
    return read


def test_no_byte_comes_twice(reads: list[int]) -> None:
    """Draws of any size, across the ends of blocks, have nothing in common."""
    entropy = Entropy(block_bytes=16)
    drawn = [entropy.draw(count) for count in (5, 5, 5, 5, 16, 1, 40, 3)]

    assert [len(part) for part in drawn] == [5, 5, 5, 5, 16, 1, 40, 3]
    together = b"".join(drawn)
    assert len(set(together)) == len(together) < sum(reads)


def test_many_small_draws_share_a_read(reads: list[int]) -> None:
    """The kernel is asked once a block, and a draw that is larger than one asks for itself."""
    entropy = Entropy(block_bytes=16)
    for _ in range(4):
        entropy.draw(4)
    entropy.draw(20)

    assert reads == [16, 20]
