"""Read the signing key, open the database and the memory, sign."""

from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.runtime import open_runtime
from services.recorder.adapters.keys import KeyFiles
from services.recorder.adapters.memory import open_memory
from services.recorder.adapters.seat import PostgresLedger
from services.recorder.publisher.auditor import Auditor
from services.recorder.publisher.config import Config
from services.recorder.publisher.publisher import Publisher


async def main(name: str) -> None:
    """Run the publisher until SIGTERM."""
    config, postgres = load(Config), load(PostgresSettings)
    keys = KeyFiles(config.signing_key_file, config.verifier_key_file)
    async with open_runtime(name) as mesh:
        pool = await mesh.enter(open_pool(postgres))
        memory = await mesh.enter(open_memory(config.memory_file))
        ledger = PostgresLedger(pool)
        publisher = Publisher(ledger, memory, keys, SystemClock(), interval_s=config.interval_s)
        auditor = Auditor(
            ledger, publisher, keys, records_per_s=config.audit_records_per_s, pause_s=config.audit_pause_s
        )
        working = [mesh.spawn(publisher.run(), name="publisher"), mesh.spawn(auditor.run(), name="auditor")]
        for task in working:
            task.add_done_callback(lambda _: mesh.stop())
        await mesh.serve([])
        for task in working:
            if task.done():
                task.result()  # raises, so that the exit code says that it failed
