"""PostgreSQL as every service uses it: one pool on its own schema, short timeouts, and one error when it is away."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from pydantic import Field

from services.chassis.config import SecretFile, Settings
from services.chassis.errors import Kind, WorldError, unavailable
from services.chassis.pool_meter import PoolMeter
from services.chassis.rows import TenantConnection, show

RETRY_AFTER_S = 1.0
"""What a caller is told to wait while the database is away."""


# Pydantic still carries a deprecated method named ``schema``; here it is the database's word.
warnings.filterwarnings("ignore", message='Field name "schema" in "PostgresSettings" shadows', category=UserWarning)


class PostgresSettings(Settings, env_prefix="MAGISTRATE_POSTGRES_"):
    """Where the database is and as whom to enter it."""

    host: str = "127.0.0.1"
    """Host name, or the folder of the server's unix socket."""
    port: int = Field(default=5432, ge=1, le=65535)
    """Port of the server."""
    database: str = "magistrate"
    """Name of the database."""
    user: str = "magistrate"
    """Login role of the service."""
    password_file: SecretFile | None = None
    """File with the role's password; none where the server trusts its socket."""
    schema: str = Field(default="public", pattern="^[a-z_][a-z0-9_]*$")  # type: ignore[assignment]  # see above
    """Schema that the service owns."""
    pool_min: int = Field(default=1, ge=0, le=100)
    """Connections that are kept open."""
    pool_max: int = Field(default=8, ge=1, le=100)
    """Connections at most."""
    connect_timeout_s: float = Field(default=3.0, gt=0, le=60)
    """Seconds to wait for a new connection."""
    statement_timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Seconds after which the server itself ends a statement."""


@asynccontextmanager
async def open_pool(
    settings: PostgresSettings, *, rows_of_tenant: bool = False, session: Mapping[str, str] | None = None
) -> AsyncIterator[asyncpg.Pool]:
    """Yield a pool of connections whose search path is the service's schema, then ``public`` (extensions).

    With ``rows_of_tenant`` each loan of a connection sees the rows of its borrower's tenant alone (``chassis.rows``);
    ``session`` are further settings of every session.

    Statements are prepared once a connection and cached. A connection that breaks is replaced at its next use, so the
    pool outlives a restart of the server. JSONB arrives as text.

    Raises:
        WorldError: UNAVAILABLE, STORE_UNAVAILABLE: the database cannot be reached at the start.
    """
    secret = settings.password_file
    meters = list[PoolMeter]()

    async def lend(connection: Any) -> None:  # Any: asyncpg's proxy of a connection of either class
        for meter in meters:
            meter.lent()
        if rows_of_tenant:
            await show(connection)

    milliseconds = round(settings.statement_timeout_s * 1000)
    with guarded():
        pool = await asyncpg.create_pool(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=settings.user,
            password=secret.read if secret else None,
            min_size=min(settings.pool_min, settings.pool_max),
            max_size=settings.pool_max,
            timeout=settings.connect_timeout_s,
            # The server's own timeout ends the statement; this one ends the wait when the server itself is gone.
            command_timeout=settings.statement_timeout_s + settings.connect_timeout_s,
            # An open transaction is rolled back all the same; the default would add a round trip to every statement.
            reset=_keep_session,
            connection_class=TenantConnection if rows_of_tenant else asyncpg.Connection,
            setup=lend,
            server_settings={
                "search_path": f"{settings.schema},public",
                "statement_timeout": str(milliseconds),
                "lock_timeout": str(milliseconds),
                "idle_in_transaction_session_timeout": str(2 * milliseconds),
                "application_name": f"magistrate {settings.schema}",
                "jit": "off",
                **(session or {}),
            },
        )
    meters.append(PoolMeter(settings.schema, pool))
    try:
        yield pool
    finally:
        await _close(pool)


async def _keep_session(_: asyncpg.Connection) -> None:
    """Leave the session as it is when a connection goes back: no statement of ours changes a session's settings."""


@contextmanager
def guarded() -> Iterator[None]:
    """Turn the database's absence into one error that callers understand; what a statement says stays as it is.

    Raises:
        WorldError: UNAVAILABLE, STORE_UNAVAILABLE: the connection, the server or the time for the statement is gone.
        WorldError: ABORTED, WRITE_CONFLICT: two transactions met; the same call may be repeated.
    """
    try:
        yield
    except _CONFLICTS as error:
        raise WorldError(Kind.ABORTED, "WRITE_CONFLICT", "two writers met; repeat the call") from error
    except (*_ABSENCES, asyncpg.InterfaceError) as error:
        if isinstance(error, asyncpg.InterfaceError) and not _says_closed(error):
            raise
        message = "the service's database cannot be reached"
        raise unavailable("STORE_UNAVAILABLE", message, RETRY_AFTER_S) from error


_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ABSENCES = (
    OSError,  # refused, reset, and TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # the server died while a statement was on its way, and asyncpg lost its place
    asyncpg.OperatorInterventionError,  # shutdown, crash, statement timeout, cannot connect now
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby after a failover
)


def _says_closed(error: asyncpg.InterfaceError) -> bool:
    """Return whether ``error`` means a lost connection; asyncpg has the same type for wrong arguments."""
    return "closed" in str(error) or "closing" in str(error)


async def _close(pool: asyncpg.Pool) -> None:
    """Close ``pool``; connections that a lost server left half open are dropped instead of waited for."""
    try:
        await asyncio.wait_for(pool.close(), _CLOSE_S)
    except (asyncpg.InterfaceError, *_ABSENCES):
        pool.terminate()


_CLOSE_S = 3.0
