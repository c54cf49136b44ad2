"""Times on the command line: a date, a time, or so long ago. All of them are UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from magistrate.engine.v1.engine_pb2 import ReadjudicateRequest
from magistrate.recorder.v1.recorder_pb2 import ExportRequest, ListRecordsRequest

_AGO = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HELP = "2026-11-29, 2026-11-29T13:00:00, or so long ago: 30m, 12h, 7d, 4w"
Since = Annotated[str, typer.Option("--since", help=f"Recorded from here on: {HELP}.", metavar="TIME")]
Until = Annotated[str, typer.Option("--until", help="Recorded before this.", metavar="TIME")]


def moment(text: str, option: str, *, now: datetime | None = None) -> datetime | None:
    """Return the time that ``text`` says; None for an empty text.

    Raises:
        typer.BadParameter: It says none.
    """
    if not text:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
        told = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{option} is no time; say {HELP}") from None
    return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)


def limit_to(request: ExportRequest | ListRecordsRequest | ReadjudicateRequest, since: str, until: str) -> None:
    """Put the times of ``--since`` and ``--until`` into a request.

    Raises:
        typer.BadParameter: One of them says no time.
    """
    for field, option, text in ((request.since, "--since", since), (request.until, "--until", until)):
        if told := moment(text, option):
            field.FromDatetime(told)
