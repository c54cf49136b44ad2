"""Starts the router: config, catalogue and templates, ledger, hedged route, servicer, serve."""

import sys

from magistrate.router.v1.router_pb2_grpc import add_RouterServiceServicer_to_server
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.config import USAGE, load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.redis import RedisSettings
from services.chassis.runtime import Registration, open_runtime
from services.router.adapters.files import TEMPLATES, WrongFileError, read_catalogue, read_templates
from services.router.adapters.ledger import PostgresLedger
from services.router.adapters.meter import PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.booking import Bookkeeper
from services.router.caching.assembly import World, open_caches
from services.router.config import Config
from services.router.core.catalogue import Catalogue
from services.router.core.plan import Policy
from services.router.core.prompt import Template
from services.router.dispatch import Dispatcher
from services.router.lookout import Watch
from services.router.planner import Planner
from services.router.servicer import RouterServicer
from services.router.streaming import Streamer


async def main(name: str) -> None:
    """Serve as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    catalogue, templates = _files(config)
    async with open_runtime(name) as mesh:
        poll = HealthPoll(mesh.channel, config.order, interval_s=config.health_interval_s)
        providers = HedgedRoute(mesh.channel, timeout_s=config.route_timeout_s)
        planner = Planner(
            policy=Policy(providers=config.order, hedge_delay_s=config.hedge_delay_s, limits=config.limits),
            catalogue=catalogue,
            templates=templates,
            lookout=Watch(),
            providers=providers,
        )
        pool = await mesh.enter(open_pool(load(PostgresSettings)))
        books = Bookkeeper(
            ledger=PostgresLedger(pool=pool),
            watchers=(PrometheusMeter(),),
            clock=SystemClock(),
            ids=RandomIds(),
            spawn=mesh.finish,
        )
        world = World(
            redis=load(RedisSettings),
            pool=pool,
            channel=mesh.channel,
            clock=SystemClock(),
            ids=RandomIds(),
            spawn=mesh.spawn,
        )
        caches = await mesh.enter(
            open_caches(
                config.cache_rules,
                world,
                generator=Dispatcher(providers=providers, books=books),
                streams=Streamer(providers=providers, books=books),
            )
        )
        mesh.spawn(poll.watch(), name="provider health")
        servicer = RouterServicer(
            planner=planner,
            generator=caches.generator,
            streamer=caches.streams,
            health=poll,
            epochs=caches.epochs,
            tally=caches.tally,
        )
        await mesh.serve(
            [Registration(add_RouterServiceServicer_to_server, servicer, "magistrate.router.v1.RouterService")]
        )


def _files(config: Config) -> tuple[Catalogue, tuple[Template, ...]]:
    """Read what the room brings along, or end the process with one line that says what to mend."""
    try:
        catalogue = read_catalogue(config.catalogue_file).preferring(config.preferred_models)
        return catalogue, read_templates(TEMPLATES)
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None
