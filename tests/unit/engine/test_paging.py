"""Pages of decisions."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError
from services.engine.core import paging


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_a_token_names_its_place(created_at: datetime, decision_id: str) -> None:
    """A token leads back to the decision it was made from."""
    assert paging.place(paging.token(created_at, decision_id)) == (created_at, decision_id)


@given(st.text(min_size=1, max_size=60))
def test_foreign_tokens_are_refused(text: str) -> None:
    """A token that no page gave is refused with its reason, whatever it is."""
    try:
        paging.place(text)
    except CallerError as refused:
        assert refused.reason == "FIELD_MALFORMED"  # noqa: PT017 - a chance token may also be right


@pytest.mark.spec("ENG-33", "ENG-44")
@pytest.mark.parametrize(
    "place",
    [
        "2026-11-20T20:00:00 d-1",
        "2026-11-20T20:00:00+00:00 ",
        "2026-11-20T20:00:00+00:00 a\0b",
        "2026-11-20T20:00:00+00:00 " + "d" * 129,
        "0001-01-01T00:00:00+14:00 d-1",
        "9999-12-31T23:59:59-14:00 d-1",
    ],
)
def test_forged_places_are_refused_before_the_database_sees_them(place: str) -> None:
    """A token of the right form whose place cannot be is the caller's fault, not ours."""
    with pytest.raises(CallerError, match="FIELD_MALFORMED"):
        paging.place(base64.urlsafe_b64encode(place.encode()).decode())


@pytest.mark.spec("ENG-33")
@pytest.mark.parametrize(("asked", "size"), [(0, 100), (1, 1), (1000, 1000)])
def test_sizes(asked: int, size: int) -> None:
    """Zero means the default; up to 1000 is given as asked."""
    assert paging.page_size(asked) == size


@pytest.mark.spec("ENG-33")
@pytest.mark.parametrize("asked", [-1, 1001])
def test_sizes_out_of_range(asked: int) -> None:
    """Anything else is refused."""
    with pytest.raises(CallerError, match="page_size"):
        paging.page_size(asked)
