"""Read the signing key, open the database and the memory, sign."""

from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.runtime import open_runtime
from services.recorder.adapters.keys import KeyFiles, holds
from services.recorder.adapters.memory import open_memory
from services.recorder.adapters.pool import PLAN_EACH
from services.recorder.adapters.seat import PostgresLedger
from services.recorder.adapters.witnesses import open_witnesses
from services.recorder.publisher.auditor import Auditor
from services.recorder.publisher.config import Config
from services.recorder.publisher.meta import MetaLog
from services.recorder.publisher.publisher import Publisher
from services.recorder.publisher.witnesses import Witnesses


async def main(name: str) -> None:
    """Run the publisher until SIGTERM."""
    config, postgres, clock = load(Config), load(PostgresSettings), SystemClock()
    keys = KeyFiles(config.signing_key_file, config.verifier_key_file, config.cosigning_key_file)
    policy = config.policy
    async with open_runtime(name) as mesh:
        ledger = PostgresLedger(await mesh.enter(open_pool(postgres, session=PLAN_EACH)))
        memory = await mesh.enter(open_memory(config.memory_file))
        clients = await mesh.enter(open_witnesses(policy, timeout_s=config.witness_timeout_s))
        meta = MetaLog(keys.name, keys, clock, Witnesses(policy, clients, holds), interval_s=config.meta_interval_s)
        publisher = Publisher(ledger, memory, keys, clock, meta, interval_s=config.interval_s)
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
