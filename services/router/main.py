"""Starts the router: config, catalogue and templates, ledger, hedged route, servicer, serve."""

import random
import sys

from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceStub
from magistrate.router.v1.router_pb2_grpc import add_RouterServiceServicer_to_server
from services.chassis.client import MeshChannel
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.config import USAGE, load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.relay import Relay
from services.chassis.runtime import Registration, open_runtime
from services.router.adapters.attempts import AdapterWitness
from services.router.adapters.board import Board
from services.router.adapters.budgets import read_budgets
from services.router.adapters.contests import PostgresContests
from services.router.adapters.embeddings import ContextEmbedder
from services.router.adapters.evidence import MeshEvidence, Postman, letter
from services.router.adapters.files import TEMPLATES, WrongFileError, pinned, read_catalogue, read_templates
from services.router.adapters.history import PostgresHistory
from services.router.adapters.ledger import PostgresAccounts, PostgresLedger
from services.router.adapters.meter import ChampionMeter, PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.booking import Allowance, Bookkeeper
from services.router.championship import Championship
from services.router.config import Config
from services.router.core.catalogue import Catalogue
from services.router.core.champion.contest import Rules
from services.router.core.plan import Policy
from services.router.core.prompt import Template
from services.router.costs import Costs
from services.router.dispatch import Dispatcher
from services.router.finishing import Finisher
from services.router.inquest import Inquest
from services.router.lookout import Watch
from services.router.memory import Memory
from services.router.planner import Planner
from services.router.reconciler import Reconciler
from services.router.remaining import Remaining
from services.router.servicer import RouterServicer
from services.router.servicer.champions import ChampionCalls
from services.router.streaming import Streamer
from services.router.voting import Voter


async def main(name: str) -> None:
    """Serve as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    catalogue, templates = _files(config)
    async with open_runtime(name) as mesh:
        pool = await mesh.enter(open_pool(load(PostgresSettings)))
        memory = Memory(history=PostgresHistory(pool=pool), default_strategy=config.strategy)
        poll = HealthPoll(mesh.channel, config.order, interval_s=config.health_interval_s)
        providers = HedgedRoute(mesh.channel, timeout_s=config.route_timeout_s)
        ledger, allowance = PostgresLedger(pool), _allowance(config)
        clock, ids, meter = SystemClock(), RandomIds(), PrometheusMeter()
        remaining = Remaining(clock=clock)
        relay = Relay(pool, MeshEvidence(mesh.channel).deliver, box="champion evidence")
        contests = PostgresContests(pool, letter=letter)
        board = Board(contests, interval_s=config.champion_refresh_s)
        planner = Planner(
            policy=_policy(config),
            catalogue=catalogue,
            templates=templates,
            lookout=Watch(remaining=remaining, memory=memory, board=board, dice=random.random),
            providers=providers,
        )
        inquest = Inquest(ledger=ledger, witness=AdapterWitness(mesh.channel))
        books = Bookkeeper(
            ledger=ledger,
            inquest=inquest,
            allowance=allowance,
            watchers=(meter,),
            tills=(meter, remaining),
            clock=clock,
            ids=ids,
            spawn=mesh.finish,
        )
        mesh.spawn(poll.watch(), name="provider health")
        reconciler = Reconciler(ledger=ledger, inquest=inquest, interval_s=config.reconcile_interval_s)
        mesh.spawn(reconciler.watch(), name="overdue holds")
        mesh.spawn(board.watch(), name="standings")
        mesh.spawn(relay.run(), name="champion evidence")
        championship = Championship(
            contests=contests,
            rules=_rules(config, catalogue),
            announcers=(board, Postman(relay), ChampionMeter()),
            clock=clock,
            ids=ids,
            learner=memory,
        )
        servicer = RouterServicer(
            planner=planner,
            generator=_voter(config, mesh.channel, Dispatcher(providers=providers, books=books)),
            streamer=Streamer(providers=providers, books=books),
            health=poll,
            costs=Costs(accounts=PostgresAccounts(pool=pool), budgets=allowance.budgets, clock=clock),
            champions=ChampionCalls(championship=championship, clock=clock),
        )
        await mesh.serve(
            [Registration(add_RouterServiceServicer_to_server, servicer, "magistrate.router.v1.RouterService")]
        )


def _voter(config: Config, channel: MeshChannel, dispatcher: Dispatcher) -> Voter:
    """Return what answers: a vote, where one is asked for, of answers that are finished as their template says."""
    return Voter(
        generator=Finisher(generator=dispatcher),
        embedder=ContextEmbedder(EmbeddingServiceStub(channel), timeout_s=config.embed_timeout_s),
        timeout_s=config.vote_timeout_s,
        similarity=config.vote_similarity,
    )


def _allowance(config: Config) -> Allowance:
    """Return what calls may cost, or end the process as ``_files`` does."""
    try:
        budgets = read_budgets(config.budgets_file)
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None
    return Allowance(budgets=budgets, request_micro_usd=config.max_request_micro_usd, hold=config.hold)


def _rules(config: Config, catalogue: Catalogue) -> Rules:
    return Rules(
        models=frozenset(model.name for model in catalogue.models if model.provider in config.order),
        auto_promote=config.auto_promote,
        difference=config.champion_difference,
        min_scores=config.champion_min_scores,
        risk=config.champion_risk,
    )


def _policy(config: Config) -> Policy:
    return Policy(
        providers=config.order,
        hedge_delay_s=config.hedge_delay_s,
        limits=config.limits,
        strategy=config.strategy,
        explore_share=config.explore_share,
        near_cap_requests=config.near_cap_requests,
        voters=config.voters,
        ask_when_all_away=config.ask_when_all_away,
    )


def _files(config: Config) -> tuple[Catalogue, tuple[Template, ...]]:
    """Read what the room brings along, or end the process with one line that says what to mend."""
    try:
        catalogue = read_catalogue(config.catalogue_file).preferring(config.preferred_models)
        return catalogue, pinned(read_templates(TEMPLATES), config.template_versions)
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None
