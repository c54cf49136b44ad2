"""A service as a process of its own, on a database that others may share: to be started, watched and killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.mesh import serves
from tests.fakes.postgres import Database

ROOT = Path(__file__).parents[2]
READY_S = 60


@dataclass(slots=True, kw_only=True)
class ServiceProcess:
    """`python -m services NAME` in a folder of its own."""

    name: str
    run_dir: Path
    database: Database
    schema: str
    settings: Mapping[str, str]
    module: str = "services"
    """What Python runs: the process itself, or one that dies by its own hand."""
    process: asyncio.subprocess.Process | None = None

    @property
    def socket(self) -> Path:
        """Return where it listens."""
        return self.run_dir / f"{self.name}.sock"

    async def start(self) -> None:
        """Start it and return when it says SERVING."""
        await self.launch()
        await self.ready()

    async def ready(self) -> None:
        """Wait until it says SERVING."""
        assert self.process is not None
        async with asyncio.timeout(READY_S):
            while not await serves(self.socket):
                assert self.process.returncode is None, f"the {self.name} ended at its start; its log says why"

    async def launch(self) -> None:
        """Start it and do not wait: it may be made to end before it serves."""
        with (self.run_dir / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, self.name, env=self._environment(), cwd=ROOT, stdout=log, stderr=log
            )

    async def ended(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self.process is not None
        async with asyncio.timeout(READY_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it without a chance to clean up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to drain; return its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'gen/python'}",
            "MAGISTRATE_RUN_DIR": str(self.run_dir),
            "MAGISTRATE_DRAIN_DELAY_S": "0",
            "MAGISTRATE_POSTGRES_HOST": self.database.host,
            "MAGISTRATE_POSTGRES_PORT": str(self.database.port),
            "MAGISTRATE_POSTGRES_DATABASE": self.database.name,
            "MAGISTRATE_POSTGRES_USER": self.name,
            "MAGISTRATE_POSTGRES_PASSWORD_FILE": str(self.database.password_file),
            "MAGISTRATE_POSTGRES_SCHEMA": self.schema,
            **self.settings,
        }
