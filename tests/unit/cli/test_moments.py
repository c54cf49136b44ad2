"""Times as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from tools.cli.moments import moment

NOW = datetime(2026, 11, 29, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", None),
        ("2026-11-29", datetime(2026, 11, 29, tzinfo=UTC)),
        ("2026-11-29T13:00:01", datetime(2026, 11, 29, 13, 0, 1, tzinfo=UTC)),
        ("2026-11-29T13:00:00+02:00", datetime(2026, 11, 29, 13, tzinfo=timezone(timedelta(hours=2)))),
        ("90s", NOW - timedelta(seconds=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("4w", NOW - timedelta(weeks=4)),
    ],
)
def test_a_time_is_read(text: str, told: datetime | None) -> None:
    """A date, a time with or without its zone, and so long ago; all of it UTC."""
    assert moment(text, "--since", now=NOW) == told


@pytest.mark.parametrize("text", ["yesterday", "7", "d7", "2026-13-01", "-3d", "99999999d", "999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The message names the option."""
    with pytest.raises(typer.BadParameter, match="--since"):
        moment(text, "--since", now=NOW)
