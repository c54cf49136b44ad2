"""Read the configuration, open the database, serve."""

from functools import partial

from magistrate.recorder.v1.recorder_pb2_grpc import add_RecorderServiceServicer_to_server
from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings
from services.chassis.runtime import Registration, open_runtime
from services.recorder.adapters.durability import check_durable
from services.recorder.adapters.keys import AesSeal
from services.recorder.adapters.pool import open_evidence
from services.recorder.assembly import assemble
from services.recorder.config import Config

SERVICE = "magistrate.recorder.v1.RecorderService"


async def main(name: str) -> None:
    """Run the recorder until SIGTERM."""
    config, postgres = load(Config), load(PostgresSettings)
    seal = AesSeal(config.body_key_file.read())
    async with open_runtime(name) as mesh:
        pool = await mesh.enter(open_evidence(postgres))
        await check_durable(pool)
        recorder = assemble(config, pool, seal=seal, clock=SystemClock())
        # A committer that ended has met a log that would fork: nothing more may be accepted.
        committing = mesh.spawn(recorder.committer.run(), name="committer")
        committing.add_done_callback(lambda _: mesh.stop())
        mesh.spawn(recorder.valve.run(), name="valve")
        mesh.spawn(recorder.reconciler.run(), name="reconciler")
        mesh.spawn(recorder.keeper.run(), name="keeper")
        mesh.spawn(recorder.crier.run(), name="crier")
        mesh.spawn(recorder.herald.run(), name="herald")
        mesh.spawn(recorder.sampler.run(), name="sampler")
        mesh.readiness("durable database", partial(check_durable, pool))
        await mesh.serve([Registration(add_RecorderServiceServicer_to_server, recorder.servicer, SERVICE)])
        if committing.done():
            committing.result()  # raises, so that the exit code says that it failed
