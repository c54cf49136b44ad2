"""Put the recorder's parts together over one pool."""

import secrets
from dataclasses import dataclass

from asyncpg import Pool

from services.chassis.clock import Clock
from services.recorder.adapters.checkpoints import PostgresCheckpoints
from services.recorder.adapters.reader import PostgresReader
from services.recorder.adapters.writer import PostgresWriter
from services.recorder.archive import Archive
from services.recorder.committer import Committer
from services.recorder.config import Config
from services.recorder.core.batch import Window
from services.recorder.intake import Intake
from services.recorder.ports import Seal, Signer
from services.recorder.prover import Prover
from services.recorder.publisher import Publisher
from services.recorder.servicer import RecorderServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """One recorder: what answers calls, and the two loops that must run beside it."""

    servicer: RecorderServicer
    committer: Committer
    publisher: Publisher


def assemble(config: Config, pool: Pool, *, signer: Signer, seal: Seal, clock: Clock) -> Recorder:
    """Return a recorder that writes through ``pool``."""
    window = Window(max_records=config.batch_records, linger_s=config.linger_s)
    writer, reader = PostgresWriter(pool, timeout_s=config.commit_timeout_s), PostgresReader(pool)
    committer = Committer(
        writer, clock, window=window, queue_records=config.queue_records, queue_bytes=config.queue_bytes
    )
    publisher = Publisher(PostgresCheckpoints(pool), signer, clock, interval_s=config.checkpoint_interval_s)
    intake = Intake(
        committer,
        seal,
        clock,
        random_bytes=secrets.token_bytes,
        deployment=config.deployment,
        patience_s=config.patience_s,
    )
    servicer = RecorderServicer(intake, Archive(reader, seal), Prover(reader, publisher), publisher)
    return Recorder(servicer=servicer, committer=committer, publisher=publisher)
