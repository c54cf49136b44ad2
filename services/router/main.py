"""Starts the router: files, books, plans, hedged route, caches, championship, servicer, serve."""

import random

from magistrate.router.v1.router_pb2_grpc import add_RouterServiceServicer_to_server
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.redis import RedisSettings
from services.chassis.relay import Relay
from services.chassis.runtime import Registration, open_runtime
from services.router import assembly
from services.router.adapters.attempts import AdapterWitness
from services.router.adapters.board import Board
from services.router.adapters.contests import PostgresContests
from services.router.adapters.evidence import MeshEvidence, Postman, letter, testify
from services.router.adapters.history import PostgresHistory
from services.router.adapters.ledger import PostgresAccounts, PostgresLedger
from services.router.adapters.meter import ChampionMeter, PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.answering.dispatch import Dispatcher
from services.router.caching.assembly import World, open_caches
from services.router.championing.championship import Championship
from services.router.championing.scorekeeper import Scorekeeper
from services.router.config import Config
from services.router.planning.lookout import Watch
from services.router.planning.memory import Memory
from services.router.planning.planner import Planner
from services.router.planning.remaining import Remaining
from services.router.servicer import RouterServicer
from services.router.servicer.caches import CacheCalls
from services.router.servicer.champions import ChampionCalls
from services.router.spending.booking import Bookkeeper
from services.router.spending.costs import Costs
from services.router.spending.inquest import Inquest
from services.router.spending.reconciler import Reconciler

SERVICE = "magistrate.router.v1.RouterService"


async def main(name: str) -> None:
    """Serve as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    files = assembly.read_files(config)
    async with open_runtime(name) as mesh:
        clock, ids, meter = SystemClock(), RandomIds(), PrometheusMeter()
        pool = await mesh.enter(open_pool(load(PostgresSettings)))
        remaining, contests = Remaining(clock=clock), PostgresContests(pool, letter=letter)
        memory = Memory(history=PostgresHistory(pool=pool), default_strategy=config.strategy)
        board = Board(contests, interval_s=config.champion_refresh_s)
        poll = HealthPoll(mesh.channel, config.order, interval_s=config.health_interval_s)
        flight = assembly.flight(config, poll, clock)
        providers = HedgedRoute(mesh.channel, timeout_s=config.route_timeout_s)
        planner = Planner(
            policy=assembly.policy(config),
            catalogue=files.catalogue,
            templates=files.templates,
            lookout=Watch(remaining=remaining, memory=memory, board=board, dice=random.random, flight=flight),
            providers=providers,
        )
        relay = Relay(pool, MeshEvidence(mesh.channel).deliver, box="evidence")
        announcers = (board, Postman(relay), ChampionMeter())
        rules = assembly.champion_rules(config, files.catalogue)
        championship = Championship(
            contests=contests, rules=rules, announcers=announcers, clock=clock, ids=ids, learner=memory
        )
        ledger = PostgresLedger(pool, testify=testify)
        inquest = Inquest(ledger=ledger, witness=AdapterWitness(mesh.channel))
        books = Bookkeeper(
            ledger=ledger,
            inquest=inquest,
            allowance=assembly.allowance(config, files.budgets),
            watchers=(meter, flight),
            tills=(meter, remaining),
            clock=clock,
            ids=ids,
            spawn=mesh.finish,
        )
        voter = assembly.voter(config, mesh.channel, Dispatcher(providers=providers, books=books))
        faults = Scorekeeper(championship=championship, clock=clock, spawn=mesh.finish)
        streamer = assembly.streamer(config, providers, books, faults)
        kit = World(redis=load(RedisSettings), pool=pool, channel=mesh.channel, clock=clock, ids=ids, spawn=mesh.spawn)
        caches = await mesh.enter(open_caches(config.cache_rules, kit, generator=voter, streams=streamer))
        reconciler = Reconciler(ledger=ledger, inquest=inquest, interval_s=config.reconcile_interval_s)
        mesh.spawn(poll.watch(), name="provider health")
        mesh.spawn(reconciler.watch(), name="overdue holds")
        mesh.spawn(board.watch(), name="standings")
        mesh.spawn(relay.run(), name="evidence")
        servicer = RouterServicer(
            planner=planner,
            generator=caches.generator,
            streamer=caches.streams,
            health=poll,
            pace=flight,
            costs=Costs(accounts=PostgresAccounts(pool=pool), budgets=files.budgets, clock=clock),
            champions=ChampionCalls(championship=championship, clock=clock),
            caches=CacheCalls(epochs=caches.epochs, tally=caches.tally, forgetting=caches.forgetting),
        )
        await mesh.serve([Registration(add_RouterServiceServicer_to_server, servicer, SERVICE)])
