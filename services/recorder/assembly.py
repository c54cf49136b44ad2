"""Put the recorder's parts together over one pool."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from asyncpg import Pool

from services.chassis.clock import Clock
from services.recorder.adapters.checkpoints import PostgresCheckpoints
from services.recorder.adapters.entropy import Entropy
from services.recorder.adapters.eraser import PostgresEraser
from services.recorder.adapters.keyring import PostgresKeyring
from services.recorder.adapters.keys import AesSeal, Reread
from services.recorder.adapters.obligations import PostgresObligations
from services.recorder.adapters.ranges import PostgresRanges
from services.recorder.adapters.reader import PostgresReader
from services.recorder.adapters.shelf import PostgresShelf
from services.recorder.adapters.volume import used_percent
from services.recorder.adapters.writer import PostgresWriter
from services.recorder.config import Config
from services.recorder.core.batch import Window
from services.recorder.core.note import public_keys_of
from services.recorder.keeping.crier import Crier
from services.recorder.keeping.eraser import Eraser
from services.recorder.keeping.herald import Herald
from services.recorder.keeping.keeper import Keeper
from services.recorder.keeping.reconciler import Reconciler
from services.recorder.keeping.sampler import Sampler
from services.recorder.ports import EvidenceWriter
from services.recorder.reading.archive import Archive
from services.recorder.reading.desk import Desk
from services.recorder.reading.exporter import Exporter
from services.recorder.reading.prover import Prover
from services.recorder.servicer import RecorderServicer
from services.recorder.writing.committer import Committer
from services.recorder.writing.entries import EntryMaker
from services.recorder.writing.intake import Intake
from services.recorder.writing.valve import Valve


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """One recorder: what answers calls, and the loops that must run beside it."""

    servicer: RecorderServicer
    committer: Committer
    valve: Valve
    reconciler: Reconciler
    keeper: Keeper
    crier: Crier
    herald: Herald
    sampler: Sampler


def assemble(config: Config, pool: Pool, *, seal: AesSeal, clock: Clock) -> Recorder:
    """Return a recorder that writes through ``pool``."""
    writer, reader = (
        PostgresWriter(pool, timeout_s=config.commit_timeout_s),
        PostgresReader(pool, cache_mib=config.tile_cache_mib),
    )
    valve = Valve(clock, used_percent=_measure(config), limit_percent=config.volume_limit_percent)
    committer = _committer(config, writer, clock, valve)
    keys = Reread(config.verifier_key_file, public_keys_of).now
    checkpoints = PostgresCheckpoints(pool)
    patience_s, witnessed = config.checkpoint_patience_s, config.witnessed
    desk = Desk(checkpoints, clock, keys=keys, patience_s=patience_s, witnessed=witnessed)
    entropy = Entropy()
    keyring = PostgresKeyring(pool, seal, random_bytes=entropy.draw)
    entries = EntryMaker(keyring, clock, random_bytes=entropy.draw, deployment=config.deployment)
    intake = Intake(committer, keyring, entries, clock, patience_s=config.patience_s)
    eraser = Eraser(PostgresEraser(pool, timeout_s=config.erase_timeout_s), keyring, entries, clock)
    reconciler = Reconciler(
        PostgresObligations(pool),
        intake,
        clock,
        patience_s=config.outcome_patience_s,
        interval_s=config.reconcile_interval_s,
    )
    keeper = Keeper(PostgresShelf(pool), intake, clock, days=config.retention_days)
    prover = Prover(reader, desk)
    exporter = Exporter(
        reader=reader,
        ranges=PostgresRanges(pool),
        prover=prover,
        keyring=keyring,
        intake=intake,
        clock=clock,
        random_bytes=entropy.draw,
    )
    servicer = RecorderServicer(
        intake=intake,
        archive=Archive(reader, keyring),
        prover=prover,
        exporter=exporter,
        desk=desk,
        eraser=eraser,
        keyring=keyring,
    )
    return Recorder(
        servicer=servicer,
        committer=committer,
        valve=valve,
        reconciler=reconciler,
        keeper=keeper,
        crier=Crier(checkpoints, intake, interval_s=config.alarm_interval_s),
        herald=Herald(checkpoints, intake, entries, keys=keys, interval_s=config.announce_interval_s),
        sampler=Sampler(checkpoints, reader, keyring, intake, interval_s=config.sample_interval_s),
    )


def _committer(config: Config, writer: EvidenceWriter, clock: Clock, valve: Valve) -> Committer:
    window = Window(max_records=config.batch_records, linger_s=config.linger_s)
    return Committer(
        writer, clock, valve, window=window, queue_records=config.queue_records, queue_bytes=config.queue_bytes
    )


def _measure(config: Config) -> Callable[[], float] | None:
    return partial(used_percent, config.volume_dir) if config.volume_dir else None
