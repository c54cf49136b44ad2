"""The oracle finds whatever is broken, and nothing where nothing is."""

import hashlib
from dataclasses import replace

import pytest

from services.recorder.core.merkle import Frontier
from tools.chaos.history import Place
from tools.chaos.oracle import Log, violations

ORIGIN = "evidence/local/acme/2026h2"
COUNT = 11


def leaf(number: int) -> bytes:
    """Return the leaf of a record."""
    return hashlib.sha256(b"\0" + envelope(number)).digest()


def envelope(number: int) -> bytes:
    """Return the envelope of a record."""
    return b"envelope %d" % number


def sound() -> Log:
    """Return a log with a checkpoint of every size, whose roots the recorder's own code has computed."""
    roots = [Frontier().extend(map(leaf, range(size))).frontier.root() for size in range(COUNT + 1)]
    return Log(
        size=COUNT,
        rows=[(number, f"key-{number}", leaf(number), envelope(number)) for number in range(COUNT)],
        bodies=list(range(COUNT)),
        checkpoints=[(size, roots[size], f"{ORIGIN}\n{size}\n") for size in range(1, COUNT + 1)],
    )


def acknowledged(number: int) -> dict[str, set[Place]]:
    """Return the acknowledgement of a record at its place."""
    return {f"key-{number}": {Place(origin=ORIGIN, index=number, leaf=leaf(number))}}


def without(log: Log, number: int) -> Log:
    """Return a log that lacks a record."""
    return replace(log, rows=[row for row in log.rows if row[0] != number])


def test_nothing_is_found_where_nothing_is_broken() -> None:
    """All roots are those of another implementation of the tree."""
    assert violations({ORIGIN: sound()}, acknowledged(3) | acknowledged(10), {"key-1"}) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (without(sound(), 10), ["key-10 is not at"]),
        (without(sound(), 3), ["an index is missing"]),
        (replace(sound(), size=12), ["the head says 12"]),
        (replace(sound(), bodies=list(range(10))), ["records and bodies"]),
        (replace(sound(), rows=[*sound().rows[:-1], (10, "key-0", leaf(10), envelope(10))]), ["key-0 is there twice"]),
        (replace(sound(), rows=[*sound().rows[:-1], (10, "key-10", leaf(9), envelope(10))]), ["leaf 10 is not"]),
        (replace(sound(), rows=[*sound().rows[:-1], (10, "key-10", leaf(9), envelope(9))]), ["of another tree"]),
        (replace(sound(), checkpoints=[(4, leaf(0), f"{ORIGIN}\n4\n")]), ["checkpoint of size 4 is of another tree"]),
        (replace(sound(), checkpoints=[(1, leaf(0), f"{ORIGIN}\n2\n")]), ["note of size 1 says something else"]),
        (replace(sound(), checkpoints=[(12, leaf(0), f"{ORIGIN}\n12\n")]), ["checkpoint of size 12"]),
    ],
)
def test_what_is_broken_is_said(broken: Log, said: list[str]) -> None:
    """A lost record, a gap, a duplicate, a record without its body, and a checkpoint of another tree."""
    found = "\n".join(violations({ORIGIN: broken}, acknowledged(10)))
    assert all(words in found for words in said), found


def test_two_places_and_a_promise_that_was_not_kept() -> None:
    """One key has one place, and what a spool has taken arrives."""
    twice = {"key-1": {Place(origin=ORIGIN, index=1, leaf=leaf(1)), Place(origin=ORIGIN, index=2, leaf=leaf(2))}}
    found = violations({ORIGIN: sound()}, twice, {"key-99"})

    assert [text.split(" ")[0] for text in found] == ["key-1", "key-1", "key-99"]
    assert "more than one place" in found[0]
    assert found[-1] == "key-99 did not arrive"
