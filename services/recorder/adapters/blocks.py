"""Where in a log the records of a time can be."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.core.search import BLOCK, runs

# The numbers come in their order: the table's key is what finds them.
OF_TIME = """
select number from block
where log = $1 and ($2::timestamptz is null or last_at >= $2) and ($3::timestamptz is null or first_at < $3)
order by number"""
assert BLOCK == 4096, "the statement that writes a batch says so too"  # noqa: S101, PLR2004 - holds or nothing starts


async def runs_of_time(pool: Pool, log: int, since: datetime | None, until: datetime | None) -> Sequence[range]:
    """Return the indexes among which all records of a time are, in runs.

    Raises:
        WorldError: STORE_UNAVAILABLE.
    """
    with guarded():
        rows = await pool.fetch(OF_TIME, log, since, until)
    return runs([row["number"] for row in rows])
