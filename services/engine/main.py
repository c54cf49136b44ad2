"""Start the engine."""

from magistrate.engine.v1 import engine_pb2_grpc
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.relay import Relay
from services.chassis.runtime import Registration, Runtime, open_runtime
from services.chassis.spool import AnySpool, ShardedSpool
from services.engine.adapters import codec
from services.engine.adapters.archive import MeshArchive
from services.engine.adapters.comparison import compare, moves
from services.engine.adapters.context import MeshLibrarian
from services.engine.adapters.critic import MeshCritics, MeshScreener
from services.engine.adapters.erasures import PostgresErasures
from services.engine.adapters.evaluator import MeshAdjudicator, MeshScorer
from services.engine.adapters.feedback import MeshFeedback, feedback
from services.engine.adapters.judges import MeshJudges
from services.engine.adapters.owners import MeshOwners, NoSpool, SpooledEntries
from services.engine.adapters.recorder import MeshEvidenceLog
from services.engine.adapters.router import MeshGenerator
from services.engine.adapters.spooled import SpooledEvidenceLog
from services.engine.adapters.store import PostgresDecisions
from services.engine.config import Config
from services.engine.core.budget import Limits
from services.engine.desk import Desk
from services.engine.eraser import Eraser
from services.engine.pipeline import Parts, Pipeline
from services.engine.ports import EvidenceLog
from services.engine.replayer import Replayer
from services.engine.servicer import EngineServicer, ErasureServicer, ReplayServicer

ENGINE = "magistrate.engine.v1.EngineService"
ERASURES = "magistrate.engine.v1.ErasureService"
REPLAYS = "magistrate.engine.v1.ReplayService"
RUNS = "magistrate.engine.v1.RunService"
TOOLS = "magistrate.engine.v1.ToolService"


async def main(name: str) -> None:
    """Serve until SIGTERM."""
    config = load(Config)
    async with open_runtime(name) as mesh:
        pool = await mesh.enter(open_pool(load(PostgresSettings)))
        relay = Relay(pool, MeshFeedback(mesh.channel).deliver, box="feedback")
        store = PostgresDecisions(pool, written=relay.wake)
        log = MeshEvidenceLog(mesh.channel, SystemClock(), finish=mesh.finish)
        spool = await _spool(config, mesh, log)
        evidence = _evidence(config, log, spool)
        eraser = _eraser(config, mesh, PostgresErasures(pool), spool)
        parts = Parts(
            screener=MeshScreener(mesh.channel),
            librarian=MeshLibrarian(mesh.channel),
            generator=MeshGenerator(mesh.channel, high_impact_rule=config.high_impact_vote),
            critics=MeshCritics(mesh.channel, SystemClock()),
            scorer=MeshScorer(mesh.channel),
            adjudicator=MeshAdjudicator(mesh.channel),
            evidence=evidence,
        )
        pipeline = Pipeline(parts, clock=SystemClock(), ids=RandomIds(), limits=_limits(config))
        replayer = Replayer(
            MeshArchive(mesh.channel),
            MeshJudges(mesh.channel),
            log,
            compare=compare,
            moves=moves,
            clock=SystemClock(),
            ids=RandomIds(),
        )
        desk = Desk(
            pipeline,
            store,
            encode=codec.encode,
            storable=codec.storable,
            appraise=feedback,
            recorded=log.recorded,
            ids=RandomIds(),
        )
        mesh.spawn(relay.run(), name="feedback")
        mesh.spawn(eraser.run(), name="erasures")
        mesh.readiness("store", store.ready)
        await mesh.serve(
            [
                Registration(engine_pb2_grpc.add_EngineServiceServicer_to_server, EngineServicer(desk, store), ENGINE),
                Registration(engine_pb2_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(eraser), ERASURES),
                Registration(engine_pb2_grpc.add_ReplayServiceServicer_to_server, ReplayServicer(replayer), REPLAYS),
                Registration(
                    engine_pb2_grpc.add_RunServiceServicer_to_server, engine_pb2_grpc.RunServiceServicer(), RUNS
                ),
                Registration(
                    engine_pb2_grpc.add_ToolServiceServicer_to_server, engine_pb2_grpc.ToolServiceServicer(), TOOLS
                ),
            ]
        )


async def _spool(config: Config, mesh: Runtime, log: MeshEvidenceLog) -> AnySpool | None:
    if config.spool_dir is None:
        return None
    spool = await mesh.enter(
        ShardedSpool(config.spool_dir, log.deliver, shards=config.spool_shards, max_bytes=config.spool_bytes)
    )
    mesh.spawn(spool.run(), name="evidence spool")
    return spool


def _evidence(config: Config, log: MeshEvidenceLog, spool: AnySpool | None) -> EvidenceLog:
    if spool is None:
        return log
    tenants = filter(None, config.spooled_tenants.split(","))
    return SpooledEvidenceLog(log, spool, set(tenants), wait_s=config.spool_wait_s)


def _eraser(config: Config, mesh: Runtime, erasures: PostgresErasures, spool: AnySpool | None) -> Eraser:
    return Eraser(
        erasures,
        MeshOwners(mesh.channel),
        SpooledEntries(spool) if spool else NoSpool(),
        SystemClock(),
        grace_s=config.erasure_grace_s,
    )


def _limits(config: Config) -> Limits:
    return Limits(
        screen=config.screen_s,
        context=config.context_s,
        route=config.route_s,
        review=config.review_s,
        score=config.score_s,
        adjudicate=config.adjudicate_s,
        record=config.record_s,
    )
