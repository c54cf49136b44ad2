"""A recorder and its publisher as processes of their own, for benchmarks that come in through the API."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.call import Principal
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.postgres import PostgresSettings
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, generate

CALL_S = 30.0


@asynccontextmanager
async def running_recorder(
    folder: Path, postgres: PostgresSettings, tenant: str, **settings: str
) -> AsyncIterator[MeshChannel]:
    """Yield a channel to a recorder, as tenant ``tenant``, with a publisher of its own; both end with the block.

    Recorders in neighbouring folders share their keys, so that they may follow each other on one database.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    keys = folder.with_name("keys")
    if not keys.exists():
        generate(keys)
    recording = environment(folder, postgres, settings, keys=keys)
    publishing = recording | _publisher(postgres)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "services", name, env=env)
        for name, env in (("recorder", recording), ("publisher", publishing))
    ]
    channel = open_channel(
        str(folder / "recorder.sock"), Departures(default_timeout_s=CALL_S, principal=Principal(tenant=tenant))
    )
    try:
        await _serving(folder / "recorder.sock")
        yield channel
    finally:
        await channel.close()
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


def environment(folder: Path, postgres: PostgresSettings, settings: Mapping[str, str], *, keys: Path) -> dict[str, str]:
    """Return the environment of a recorder or publisher that runs in ``folder``.

    Args:
        folder: Where its socket is.
        postgres: How it enters the database.
        settings: More settings of the recorder, by name.
        keys: Folder of the keys, and of what the publisher remembers.
    """
    return {
        **os.environ,
        "MAGISTRATE_RUN_DIR": str(folder),
        "MAGISTRATE_LOG_LEVEL": "error",
        "MAGISTRATE_DRAIN_DELAY_S": "0",
        "MAGISTRATE_POSTGRES_HOST": postgres.host,
        "MAGISTRATE_POSTGRES_PORT": str(postgres.port),
        "MAGISTRATE_POSTGRES_DATABASE": postgres.database,
        "MAGISTRATE_POSTGRES_USER": postgres.user,
        "MAGISTRATE_POSTGRES_PASSWORD_FILE": str(postgres.password_file.path if postgres.password_file else ""),
        "MAGISTRATE_POSTGRES_SCHEMA": postgres.schema,
        "MAGISTRATE_RECORDER_VERIFIER_KEY_FILE": str(keys / VERIFIER_KEY),
        "MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE": str(keys / SIGNING_KEY),
        "MAGISTRATE_PUBLISHER_VERIFIER_KEY_FILE": str(keys / VERIFIER_KEY),
        "MAGISTRATE_PUBLISHER_MEMORY_FILE": str(keys / "signed.sqlite"),
        "MAGISTRATE_RECORDER_BODY_KEY_FILE": str(keys / BODY_KEY),
        **{f"MAGISTRATE_RECORDER_{name.upper()}": value for name, value in settings.items()},
    }


def _publisher(postgres: PostgresSettings) -> dict[str, str]:
    """Return how the publisher's role enters; its password lies beside the recorder's."""
    own = {"MAGISTRATE_POSTGRES_USER": "publisher"}
    if postgres.password_file:
        own["MAGISTRATE_POSTGRES_PASSWORD_FILE"] = str(postgres.password_file.path.with_name("postgres-publisher"))
    return own


async def _serving(path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        async for answer in watching:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
