"""A recorder as a process of its own, to be killed, and the publisher beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.postgres import Database
from tests.fakes.process import ServiceProcess
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY


def recorder_in(folder: Path, keys: Path, database: Database, **settings: str) -> ServiceProcess:
    """Return a recorder that is not started yet."""
    named = {
        "MAGISTRATE_RECORDER_VERIFIER_KEY_FILE": str(keys / VERIFIER_KEY),
        "MAGISTRATE_RECORDER_BODY_KEY_FILE": str(keys / BODY_KEY),
    }
    return ServiceProcess(
        name="recorder", run_dir=folder, database=database, schema="recorder", settings=named | settings
    )


def publisher_in(folder: Path, keys: Path, database: Database) -> ServiceProcess:
    """Return a publisher that is not started yet."""
    settings = {
        "MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE": str(keys / SIGNING_KEY),
        "MAGISTRATE_PUBLISHER_VERIFIER_KEY_FILE": str(keys / VERIFIER_KEY),
        "MAGISTRATE_PUBLISHER_MEMORY_FILE": str(keys / "signed.sqlite"),
        "MAGISTRATE_PUBLISHER_INTERVAL_S": "0.2",
        "MAGISTRATE_PUBLISHER_META_INTERVAL_S": "3600",
    }
    return ServiceProcess(name="publisher", run_dir=folder, database=database, schema="recorder", settings=settings)


@asynccontextmanager
async def recorder_process(
    folder: Path, keys: Path, database: Database, **settings: str
) -> AsyncIterator[ServiceProcess]:
    """Yield a running recorder beside a running publisher; both are gone afterwards."""
    folder.mkdir()  # noqa: ASYNC240 - a test waits for nobody else
    recorder, publisher = recorder_in(folder, keys, database, **settings), publisher_in(folder, keys, database)
    await asyncio.gather(recorder.start(), publisher.start())
    try:
        yield recorder
    finally:
        await asyncio.gather(recorder.kill(), publisher.kill())
