"""Times as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from magistrate.recorder.v1.recorder_pb2 import ExportRequest
from tools.cli.moments import limit_to, moment

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


def test_only_the_times_that_were_said_limit_a_request() -> None:
    """A bound that nobody gave is absent, and not the year 1970."""
    request = ExportRequest()
    limit_to(request, "2026-11-29", "")

    assert request.since.ToDatetime(tzinfo=UTC) == datetime(2026, 11, 29, tzinfo=UTC)
    assert not request.HasField("until")
