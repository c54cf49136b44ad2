"""What the parts of the room are told: the configuration and the files it names, as each part takes them."""

import sys
from dataclasses import dataclass

from services.chassis import breaker
from services.chassis.client import MeshChannel
from services.chassis.clock import Clock
from services.chassis.config import USAGE
from services.router.adapters.budgets import read_budgets
from services.router.adapters.embeddings import ContextEmbedder
from services.router.adapters.files import TEMPLATES, WrongFileError, pinned, read_catalogue, read_templates
from services.router.answering.dispatch import Dispatcher
from services.router.answering.finishing import Finisher, StreamFinisher
from services.router.answering.streaming import Streamer
from services.router.answering.voting import Voter
from services.router.config import Config
from services.router.core import latency
from services.router.core.breakers import Breakers
from services.router.core.catalogue import Catalogue
from services.router.core.champion.contest import Rules
from services.router.core.hedging import Budget
from services.router.core.latency import Latencies
from services.router.core.plan import Policy
from services.router.core.prompt import Template
from services.router.core.spend.limits import Budgets
from services.router.planning.flight import Flight
from services.router.ports import Faults, Health, Providers
from services.router.spending.booking import Allowance, Bookkeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the room reads at its start."""

    catalogue: Catalogue
    templates: tuple[Template, ...]
    budgets: Budgets


def read_files(config: Config) -> Files:
    """Read what the room brings along, or end the process with one line that says what to mend."""
    try:
        return Files(
            catalogue=read_catalogue(config.catalogue_file).preferring(config.preferred_models),
            templates=pinned(read_templates(TEMPLATES), config.template_versions),
            budgets=read_budgets(config.budgets_file),
        )
    except WrongFileError as error:
        sys.stderr.write(f"magistrate: {error}\n")
        raise SystemExit(USAGE) from None


def policy(config: Config) -> Policy:
    """Return how models are chosen."""
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


def flight(config: Config, health: Health, clock: Clock) -> Flight:
    """Return what learns from calls about providers."""
    waits = latency.Rules(
        default_s=config.hedge_delay_s,
        fewest=config.hedge_samples,
        floor_s=config.min_hedge_delay_s,
        ceiling_s=config.max_hedge_delay_s,
    )
    faults = breaker.Rules(failures=config.breaker_failures, recovery_s=config.breaker_recovery_s)
    return Flight(
        providers=config.order,
        latencies=Latencies(waits),
        budget=Budget(share=config.hedge_share, burst=config.hedge_burst),
        breakers=Breakers(config.order, faults),
        health=health,
        clock=clock,
        stall_s=config.breaker_stall_s,
    )


def streamer(config: Config, providers: Providers, books: Bookkeeper, faults: Faults) -> StreamFinisher:
    """Return what streams answers, finished as their template says."""
    streamer = Streamer(
        providers=providers,
        books=books,
        recovery=config.stream_recovery,
        idle_s=config.stream_idle_s,
        timeout_s=config.route_timeout_s,
        faults=faults,
    )
    return StreamFinisher(streams=streamer)


def champion_rules(config: Config, catalogue: Catalogue) -> Rules:
    """Return when champions change."""
    return Rules(
        models=frozenset(model.name for model in catalogue.models if model.provider in config.order),
        auto_promote=config.auto_promote,
        difference=config.champion_difference,
        min_scores=config.champion_min_scores,
        risk=config.champion_risk,
    )


def allowance(config: Config, budgets: Budgets) -> Allowance:
    """Return what calls may cost."""
    return Allowance(budgets=budgets, request_micro_usd=config.max_request_micro_usd, hold=config.hold)


def voter(config: Config, channel: MeshChannel, dispatcher: Dispatcher) -> Voter:
    """Return what answers: a vote, where one is asked for, of answers that are finished as their template says."""
    return Voter(
        generator=Finisher(generator=dispatcher),
        embedder=ContextEmbedder(channel, timeout_s=config.embed_timeout_s),
        timeout_s=config.vote_timeout_s,
        similarity=config.vote_similarity,
    )
