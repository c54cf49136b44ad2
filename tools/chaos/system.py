"""The real parts: PostgreSQL, two recorders and the publisher as processes, and the proxy between them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings
from tools.bench.recorder_process import environment
from tools.chaos.proxy import Proxy
from tools.up.database import DATABASE, Database, owner_login
from tools.up.folder import Folder
from tools.up.ports import LOOPBACK, choose
from tools.up.postgres import NAME as POSTGRES
from tools.up.postgres import Postgres
from tools.up.processes import Child, Command, python
from tools.verify.keys import generate

RECORDERS = 2
POLL_S = 0.02
BACK_S = 60.0
"""Longest time that a process may take to come back before the run is given up."""


@dataclass(slots=True)
class Running:
    """A process that is started again after it was ended."""

    command: Command
    log: Path
    child: Child | None = None
    away: bool = False
    """Whether it was ended on purpose and not started since."""

    async def start(self) -> None:
        """Start it; it need not be ready."""
        self.child = await Child.start(self.command, self.log)
        self.away = False

    @property
    def fell(self) -> bool:
        """Return whether it ended and nobody wanted it to."""
        return not self.away and self.alive.exit_code is not None

    @property
    def alive(self) -> Child:
        """Return the process."""
        if self.child is None:
            raise RuntimeError("it was never started")
        return self.child

    async def end(self, number: signal.Signals) -> None:
        """Signal it and wait for its end."""
        self.away = True
        self.signal(number)
        await self.alive.wait()

    def signal(self, number: signal.Signals) -> None:
        """Signal it and each of its children."""
        if self.alive.exit_code is None:
            for pid in (*children(self.alive.pid), self.alive.pid) if _reaches_children(number) else (self.alive.pid,):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _reaches_children(number: signal.Signals) -> bool:
    return number in {signal.SIGSTOP, signal.SIGCONT}


@dataclass(slots=True, kw_only=True)
class System:
    """Everything that runs."""

    folder: Folder
    port: int
    database: Running
    postgres: Postgres
    proxy: Proxy
    recorders: list[Running] = field(default_factory=list)
    publisher: Running

    @property
    def owner(self) -> str:
        """Return the login of the owner of the schemas, past the proxy."""
        return owner_login(self.folder, self.port)

    @property
    def superuser(self) -> str:
        """Return the login of the superuser, past the proxy."""
        return self.postgres.conninfo(DATABASE)

    def socket(self, number: int) -> Path:
        """Return where a recorder listens."""
        return self.folder.root / f"recorder-{number}" / "recorder.sock"

    def login(self, role: str, *, proxied: bool = False) -> PostgresSettings:
        """Return how a role enters the database."""
        return PostgresSettings(
            host=LOOPBACK,
            port=self.proxy.port if proxied else self.port,
            database=DATABASE,
            user=role,
            password_file=SecretFile(self.folder.secret(f"postgres-{role}")),
            schema="recorder" if role == "publisher" else role,
        )

    async def ready(self) -> None:
        """Wait until the database and every recorder serve.

        Raises:
            TimeoutError: one of them does not come back.
        """
        async with asyncio.timeout(BACK_S):
            await _until(self.postgres.ready)
            for number in range(len(self.recorders)):
                await _until(partial(_serves, self.socket(number)))


@asynccontextmanager
async def running_system(root: Path, seed: int) -> AsyncIterator[System]:
    """Yield the whole system, ready; all of it ends with the block."""
    folder = Folder(root=root)
    folder.create()
    port = choose((POSTGRES,), kept={}, given={})[POSTGRES]
    postgres = Postgres(folder, port)
    await postgres.prepare()
    async with AsyncExitStack() as ending:
        database = await _started(ending, Running(postgres.command(), folder.log(POSTGRES)))
        await _until(postgres.ready)
        await Database(folder, postgres, port).settle()
        proxy = await ending.enter_async_context(Proxy(port, seed).running())
        publisher = Running(Command(argv=()), folder.log("publisher"))
        system = System(
            folder=folder, port=port, database=database, postgres=postgres, proxy=proxy, publisher=publisher
        )
        keys = generate_keys(root)
        for number in range(RECORDERS):
            recorder = _process(system, "recorder", keys, system.socket(number).parent)
            system.recorders.append(await _started(ending, recorder))
        publisher.command = _process(system, "publisher", keys, system.socket(0).parent).command
        await _started(ending, publisher)
        await system.ready()
        yield system


def generate_keys(root: Path) -> Path:
    """Make the keys of the recorder and its publisher."""
    generate(root / "keys")
    return root / "keys"


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    while not await true():  # noqa: ASYNC110 - another process
        await asyncio.sleep(POLL_S)


async def _started(ending: AsyncExitStack, process: Running) -> Running:
    await process.start()
    ending.push_async_callback(_ended, process)
    return process


async def _ended(process: Running) -> None:
    process.signal(signal.SIGCONT)
    await process.alive.stop()


def _process(system: System, name: str, keys: Path, run_dir: Path) -> Running:
    run_dir.mkdir(exist_ok=True)
    settings: Mapping[str, str] = environment(run_dir, system.login(name, proxied=True), {}, keys=keys)
    command = Command(argv=python("services", name), env=settings, stop_patience_s=5.0)
    return Running(command, run_dir / f"{name}.log")


async def _serves(socket: Path) -> bool:
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        with suppress(grpc.aio.AioRpcError):
            reply = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1.0)
            return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
    return False
