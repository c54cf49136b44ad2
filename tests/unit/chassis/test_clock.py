"""Time and ids from the machine."""

import uuid
from datetime import UTC

from services.chassis.clock import RandomIds, SystemClock


def test_ids_are_uuids_of_version_7_that_sort_by_age() -> None:
    """RFC 9562 section 5.7: version 7, the common variant, the time in front."""
    made = [RandomIds().new() for _ in range(100)]
    milliseconds = [uuid.UUID(one).int >> 80 for one in made]

    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {(7, uuid.RFC_4122)}
    assert len(set(made)) == 100
    assert milliseconds == sorted(milliseconds)


def test_the_wall_clock_is_aware_and_in_utc() -> None:
    """A time without a zone cannot be compared across machines."""
    assert SystemClock().now().tzinfo is UTC


def test_the_monotonic_clock_never_goes_back() -> None:
    """Durations are never negative."""
    clock = SystemClock()

    assert clock.monotonic() <= clock.monotonic()
