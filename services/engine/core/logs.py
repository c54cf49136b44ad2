"""Which logs of a tenant a time reaches into: there is one for each half-year, named after it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

_HALF = re.compile(r"(?P<stem>.+/)(?P<year>\d{4})h(?P<half>[12])")
_SECOND_HALF_FROM = 7
OLDEST_YEAR = 2000
"""No log is older; a time before it asks for no more logs than there can be."""


def logs_since(newest: str, since: datetime) -> Sequence[str]:
    """Return the names of the logs that may hold what was recorded from ``since`` on, oldest first.

    Args:
        newest: Name of the newest log, for example ``evidence/local/acme/2026h2``.
        since: An aware time.
    """
    named = _HALF.fullmatch(newest)
    if named is None:
        return [newest]
    last = _number(int(named["year"]), int(named["half"]))
    moment = since.astimezone(UTC)
    first = _number(max(moment.year, OLDEST_YEAR), 1 if moment.month < _SECOND_HALF_FROM else 2)
    return [f"{named['stem']}{number // 2}h{number % 2 + 1}" for number in range(min(first, last), last + 1)]


def _number(year: int, half: int) -> int:
    return 2 * year + half - 1
