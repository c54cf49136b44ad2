"""Redis for what may be lost: short timeouts, and one error when it is away, so that callers go on without it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pydantic import Field
from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.chassis.config import SecretFile, Settings
from services.chassis.errors import unavailable

CACHE_RETRY_AFTER_S = 1.0
"""What a caller is told to wait while Redis is away; most go on without it instead."""


class RedisSettings(Settings, env_prefix="MAGISTRATE_REDIS_"):
    """Where Redis is."""

    host: str = "127.0.0.1"
    """Host name of the server."""
    port: int = Field(default=6379, ge=1, le=65535)
    """Port of the server."""
    socket: str = ""
    """Path of the server's unix socket; it wins over host and port."""
    password_file: SecretFile | None = None
    """File with the password; none where the server asks for none."""
    timeout_s: float = Field(default=0.25, gt=0, le=10)
    """Seconds to wait for a connection or an answer; longer than this, going on without is better."""
    max_connections: int = Field(default=16, ge=1, le=1000)
    """Connections at most; commands beyond them wait for one."""


@asynccontextmanager
async def open_redis(settings: RedisSettings) -> AsyncIterator[Redis]:
    """Yield a client with text replies; it connects at its first command, so that a start never waits for Redis."""
    secret = settings.password_file
    # The plain pool refuses a command beyond its last connection, as if Redis were away; in this one it waits its turn.
    client = Redis.from_pool(
        BlockingConnectionPool(
            **_way(settings),
            password=secret.read() if secret else None,
            socket_timeout=settings.timeout_s,
            max_connections=settings.max_connections,
            timeout=settings.timeout_s,
            decode_responses=True,
            # One more attempt at once finds a restarted server; waiting longer would spend the caller's time.
            retry=Retry(NoBackoff(), 1),
        )
    )
    try:
        yield client
    finally:
        await client.aclose()


def _way(settings: RedisSettings) -> dict[str, Any]:
    """Return what the pool must know to connect: a path, or host and port."""
    if settings.socket:
        return {"connection_class": UnixDomainSocketConnection, "path": settings.socket}
    return {"host": settings.host, "port": settings.port, "socket_connect_timeout": settings.timeout_s}


@contextmanager
def guarded() -> Iterator[None]:
    """Turn the absence of Redis into one error.

    Raises:
        WorldError: UNAVAILABLE, STORE_UNAVAILABLE; whoever keeps only what may be lost catches it and goes on.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise unavailable("STORE_UNAVAILABLE", "Redis cannot be reached", CACHE_RETRY_AFTER_S) from error
