"""The first level and the life of an entry, with time as an argument."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.caching.entry import Entry, jittered
from services.router.core.caching.key import Key
from services.router.core.caching.shelf import Shelf

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PUTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000)), max_size=60)
"""Names and lengths of what comes in."""


def key(name: str = "a", *, tenant: str = "acme", proof: str = "p") -> Key:
    """Return a key."""
    return Key(tenant=tenant, name=name, proof=proof)


def entry(text: str = "25 days", *, life: timedelta = 100 * SECOND, took: timedelta = SECOND) -> Entry:
    """Return an answer made now."""
    return Entry(
        proof="p",
        text=text,
        provider="local",
        model="m",
        model_version="",
        truncated=False,
        call_id="c",
        made_at=NOW,
        expires_at=NOW + life,
        took=took,
        lasting=True,
    )


def shelf(entries: int = 10, size: int = 1_000_000) -> Shelf:
    """Return an empty shelf whose entries live 50 s."""
    return Shelf(entries=entries, size=size, life=50 * SECOND)


@pytest.mark.spec("T37")
def test_an_empty_answer_is_found_and_is_not_a_miss() -> None:
    """Nothing found is None; an answer without text is an entry."""
    kept = shelf()
    kept.put(key(), entry(""), NOW)

    found = kept.get(key(), NOW)
    assert found is not None
    assert found.text == ""
    assert kept.get(key("b"), NOW) is None


@pytest.mark.spec("CCH-13", "T38")
def test_another_tenant_or_a_colliding_name_finds_nothing() -> None:
    """The same hash under another tenant, or with another proof, is a miss."""
    kept = shelf()
    kept.put(key(), entry(), NOW)

    assert kept.get(key(tenant="other"), NOW) is None
    assert kept.get(key(proof="forged"), NOW) is None


def test_an_entry_ends_with_the_level_and_with_its_own_life() -> None:
    """Whichever comes first."""
    kept = shelf()
    kept.put(key("short"), entry(life=10 * SECOND), NOW)
    kept.put(key("long"), entry(), NOW)

    assert kept.get(key("short"), NOW + 9 * SECOND)
    assert kept.get(key("short"), NOW + 10 * SECOND) is None
    assert kept.get(key("long"), NOW + 49 * SECOND)
    assert kept.get(key("long"), NOW + 50 * SECOND) is None
    assert (len(kept), kept.size) == (0, 0)


@pytest.mark.spec("CCH-01", "CCH-14")
@given(PUTS, st.integers(0, 8), st.integers(0, 20_000))
def test_number_and_bytes_never_exceed_their_bounds(puts: list[tuple[int, int]], entries: int, size: int) -> None:
    """Whatever comes in; and the bytes that are counted are those of what is kept."""
    kept = shelf(entries, size)
    for name, length in puts:
        kept.put(key(str(name)), entry("x" * length), NOW)
        assert len(kept) <= entries
        assert kept.size <= size
    found = [found for name in range(31) if (found := kept.get(key(str(name)), NOW))]
    assert sum(one.size for one in found) == kept.size


@pytest.mark.spec("CCH-14")
def test_bytes_alone_make_room() -> None:
    """Of sixteen answers of an eighth each, the last eight are kept, though many more places are free."""
    size = 8 * entry("x" * 700).size
    kept = shelf(entries=1_000, size=size)
    for name in range(16):
        kept.put(key(str(name)), entry("x" * 700), NOW)

    assert (len(kept), kept.size) == (8, size)
    assert [kept.get(key(str(name)), NOW) is not None for name in range(16)] == [False] * 8 + [True] * 8


def test_the_one_used_longest_ago_makes_room() -> None:
    """Reading counts as using."""
    kept = shelf(entries=2)
    for name in ("a", "b"):
        kept.put(key(name), entry(), NOW)
    kept.get(key("a"), NOW)
    kept.put(key("c"), entry(), NOW)

    assert [bool(kept.get(key(name), NOW)) for name in ("a", "b", "c")] == [True, False, True]


@pytest.mark.spec("CCH-15")
@given(st.floats(0, 1))
def test_lives_are_spread_by_a_tenth(draw: float) -> None:
    """Never more, and all of it is used."""
    assert 90 * SECOND <= jittered(100 * SECOND, draw) <= 110 * SECOND
    assert jittered(100 * SECOND, 0) == 90 * SECOND
    assert jittered(100 * SECOND, 1) == 110 * SECOND


@pytest.mark.spec("CCH-09")
def test_refreshes_come_early_by_the_exponential_of_what_the_answer_took() -> None:
    """With a draw u, an answer that took d s is due -d ln(u) s before its end; one that must not last never is."""
    took, kept = 4.0, entry(took=4 * SECOND)
    for draw in (0.01, 0.3, 0.9, 1.0):
        early = timedelta(seconds=-took * math.log(draw))
        assert kept.due(kept.expires_at - early + SECOND / 1000, draw)
        assert not kept.due(kept.expires_at - early - SECOND / 1000, draw)
    assert not kept.due(NOW, 0.5)
