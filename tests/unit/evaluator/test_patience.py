"""Waiting ends before the caller's patience does."""

import pytest

from services.evaluator.patience import patience_s


@pytest.mark.parametrize(("longest", "remaining", "waits"), [(5, None, 5), (5, 60, 5), (5, 1, 0.8), (5, 0, 0)])
def test_patience(longest: float, remaining: float | None, waits: float) -> None:
    """The own limit holds, and at most four fifths of what is left of the call."""
    assert patience_s(longest, remaining) == waits
