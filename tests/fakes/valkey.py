"""A real Valkey for tests, with a password: one server a fixture, killed, stopped and frozen at will."""

import asyncio
import contextlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.config import SecretFile
from services.chassis.redis import RedisSettings, open_redis
from tools.up.valkey import installed_program

START_S = 30.0
_POLL_S = 0.01


@dataclass(slots=True)
class ValkeyServer:
    """A running server on a unix socket that keeps nothing on disk."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    patience_s: float = 10.0
    """Seconds that services wait for it: long, since a machine that is busy is no fault of it."""

    @property
    def settings(self) -> RedisSettings:
        """Return how services reach it."""
        return RedisSettings(
            socket=str(self.folder / "valkey.sock"),
            password_file=SecretFile(self.folder / "password"),
            timeout_s=self.patience_s,
        )

    def start(self) -> None:
        """Start it, empty, and return when it answers."""
        config = self.folder / "valkey.conf"
        password = (self.folder / "password").read_text()
        socket = self.folder / "valkey.sock"
        config.write_text(f'port 0\nunixsocket {socket}\nrequirepass {password}\nsave ""\nappendonly no\n')
        command = [str(installed_program()), str(config)]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up_at = time.monotonic() + START_S
        while not socket.exists():
            if time.monotonic() > give_up_at:
                raise TimeoutError("valkey does not listen")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """Kill it as the kernel does."""
        if self.process is not None:
            self.thaw()
            self.process.kill()
            self.process.wait()
        (self.folder / "valkey.sock").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Suspend it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume it."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    """Yield a running, empty server; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vk"))
    (folder / "password").write_text(secrets.token_hex(8))
    server = ValkeyServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def looking_into(server: ValkeyServer) -> AsyncIterator[Redis]:
    """Yield a client of the test's own."""
    async with open_redis(server.settings) as client:
        yield client


async def answering(client: Redis) -> None:
    """Wait until the server answers again."""
    async with asyncio.timeout(START_S):
        while True:
            with contextlib.suppress(RedisError, OSError):
                await client.ping()
                return
            await asyncio.sleep(_POLL_S)
