"""The recorder's connections."""

from contextlib import AbstractAsyncContextManager

from asyncpg import Pool

from services.chassis.postgres import PostgresSettings, open_pool

PLAN_EACH = {"plan_cache_mode": "force_custom_plan"}
"""Each log is a table: a plan that is made once for every log would look at all of them, and lock them."""
SESSION = PLAN_EACH | {
    # A recorder that stands still in the middle of a transaction must not keep others from its log for longer.
    "idle_in_transaction_session_timeout": "5s",
}


def open_evidence(settings: PostgresSettings) -> AbstractAsyncContextManager[Pool]:
    """Open a pool on the tables of the logs; a connection sees the rows of its borrower's tenant.

    Raises:
        WorldError: UNAVAILABLE, STORE_UNAVAILABLE: the database cannot be reached at the start.
    """
    return open_pool(settings, rows_of_tenant=True, session=SESSION)
