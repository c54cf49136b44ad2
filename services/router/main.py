"""Starts the router: config, catalogue and templates, ledger, hedged route, servicer, serve."""

import sys

from magistrate.router.v1.router_pb2_grpc import add_RouterServiceServicer_to_server
from services.chassis import breaker
from services.chassis.clock import Clock, RandomIds, SystemClock
from services.chassis.config import USAGE, load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.runtime import Registration, open_runtime
from services.router.adapters.attempts import AdapterWitness
from services.router.adapters.budgets import read_budgets
from services.router.adapters.files import TEMPLATES, WrongFileError, read_catalogue, read_templates
from services.router.adapters.ledger import PostgresAccounts, PostgresLedger
from services.router.adapters.meter import PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.booking import Allowance, Bookkeeper
from services.router.config import Config
from services.router.core import latency
from services.router.core.breakers import Breakers
from services.router.core.catalogue import Catalogue
from services.router.core.hedging import Budget
from services.router.core.latency import Latencies
from services.router.core.plan import Policy
from services.router.core.prompt import Template
from services.router.costs import Costs
from services.router.dispatch import Dispatcher
from services.router.flight import Flight
from services.router.inquest import Inquest
from services.router.lookout import Watch
from services.router.planner import Planner
from services.router.ports import Health
from services.router.reconciler import Reconciler
from services.router.remaining import Remaining
from services.router.servicer import RouterServicer
from services.router.streaming import Streamer


async def main(name: str) -> None:
    """Serve as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    catalogue, templates = _files(config)
    async with open_runtime(name) as mesh:
        poll = HealthPoll(mesh.channel, config.order, interval_s=config.health_interval_s)
        providers = HedgedRoute(mesh.channel, timeout_s=config.route_timeout_s)
        pool = await mesh.enter(open_pool(load(PostgresSettings)))
        ledger, allowance = PostgresLedger(pool), _allowance(config)
        clock, meter = SystemClock(), PrometheusMeter()
        remaining = Remaining(clock=clock)
        flight = _flight(config, poll, clock)
        planner = Planner(
            policy=Policy(providers=config.order, hedge_delay_s=config.hedge_delay_s, limits=config.limits),
            catalogue=catalogue,
            templates=templates,
            lookout=Watch(remaining=remaining, flight=flight),
            providers=providers,
        )
        inquest = Inquest(ledger=ledger, witness=AdapterWitness(mesh.channel))
        books = Bookkeeper(
            ledger=ledger,
            inquest=inquest,
            allowance=allowance,
            watchers=(meter, flight),
            tills=(meter, remaining),
            clock=clock,
            ids=RandomIds(),
            spawn=mesh.finish,
        )
        mesh.spawn(poll.watch(), name="provider health")
        reconciler = Reconciler(ledger=ledger, inquest=inquest, interval_s=config.reconcile_interval_s)
        mesh.spawn(reconciler.watch(), name="overdue holds")
        servicer = RouterServicer(
            planner=planner,
            generator=Dispatcher(providers=providers, books=books),
            streamer=Streamer(
                providers=providers,
                books=books,
                recovery=config.stream_recovery,
                idle_s=config.stream_idle_s,
                timeout_s=config.route_timeout_s,
            ),
            health=poll,
            costs=Costs(accounts=PostgresAccounts(pool=pool), budgets=allowance.budgets, clock=clock),
        )
        await mesh.serve(
            [Registration(add_RouterServiceServicer_to_server, servicer, "magistrate.router.v1.RouterService")]
        )


def _flight(config: Config, health: Health, clock: Clock) -> Flight:
    """Return what learns from calls."""
    return Flight(
        providers=config.order,
        latencies=Latencies(
            latency.Rules(
                default_s=config.hedge_delay_s,
                fewest=config.hedge_samples,
                floor_s=config.min_hedge_delay_s,
                ceiling_s=config.max_hedge_delay_s,
            )
        ),
        budget=Budget(share=config.hedge_share, burst=config.hedge_burst),
        breakers=Breakers(
            config.order, breaker.Rules(failures=config.breaker_failures, recovery_s=config.breaker_recovery_s)
        ),
        health=health,
        clock=clock,
        patience_s=config.hedge_delay_s,
    )


def _allowance(config: Config) -> Allowance:
    """Return what calls may cost, or end the process as ``_files`` does."""
    try:
        budgets = read_budgets(config.budgets_file)
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None
    return Allowance(budgets=budgets, request_micro_usd=config.max_request_micro_usd, hold=config.hold)


def _files(config: Config) -> tuple[Catalogue, tuple[Template, ...]]:
    """Read what the room brings along, or end the process with one line that says what to mend."""
    try:
        catalogue = read_catalogue(config.catalogue_file).preferring(config.preferred_models)
        return catalogue, read_templates(TEMPLATES)
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None
