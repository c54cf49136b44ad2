"""The recorder's connections."""

from contextlib import AbstractAsyncContextManager

from asyncpg import Pool

from services.chassis.postgres import PostgresSettings, open_pool

SESSION = {"plan_cache_mode": "force_custom_plan"}
"""Each log is a table. A plan that is made once for every log would look at all of them, and lock them."""


def open_evidence(settings: PostgresSettings) -> AbstractAsyncContextManager[Pool]:
    """Open a pool on the tables of the logs.

    Raises:
        WorldError: UNAVAILABLE, STORE_UNAVAILABLE: the database cannot be reached at the start.
    """
    return open_pool(settings, session=SESSION)
