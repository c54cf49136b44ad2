"""Where the records that somebody looks for can be: parts of a log that are looked at one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.recorder.core.envelope import encode

BLOCK = 4096
"""Neighbouring records that the index of facts keeps together."""
GROWTH, LARGEST = 4, 1024
"""How much larger each part is than the one before, and its most blocks: what is common is found in the first part, and
what is rare takes few of them."""


def runs(numbers: Sequence[int]) -> list[range]:
    """Return the indexes that are in the blocks with these ascending numbers, neighbours together."""
    found = list[range]()
    for number in numbers:
        start, stop = number * BLOCK, (number + 1) * BLOCK
        if found and found[-1].stop == start:
            start = found.pop().start
        found.append(range(start, stop))
    return found


def parts(run: range) -> Iterator[range]:
    """Yield neighbouring parts of a run, cut between blocks, ever larger."""
    start, blocks = run.start, 1
    while start < run.stop:
        stop = min(run.stop, (start // BLOCK + blocks) * BLOCK)
        yield range(start, stop)
        start, blocks = stop, min(GROWTH * blocks, LARGEST)


def blocks(part: range) -> list[int]:
    """Return the numbers of the blocks that a part lies in."""
    return list(range(part.start // BLOCK, (part.stop - 1) // BLOCK + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An attribute that a record must have."""

    name: str
    value: str | None = None
    """None where any will do."""

    @property
    def text(self) -> str:
        """Return what the index has of it, beside the number of a block."""
        return self.name if self.value is None else f"{self.name}={self.value}"

    @property
    def mark(self) -> bytes:
        """Return what the canonical envelope of such a record holds, and few others do."""
        value = "" if self.value is None else encode(self.value)
        return f"{encode(self.name)}:{value}".encode()
