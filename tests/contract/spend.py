"""Values that tests of spend share: models that cost what a test says, and calls that reserve them."""

from datetime import UTC, date, datetime, timedelta

import psycopg

from services.router.core.account import Attempt, Outcome, Usage
from services.router.core.catalogue import Model, Price, Tier
from services.router.core.spend.limits import Ceilings, Limit
from services.router.core.spend.reservation import Claim, Payer, Reservation
from tests.fakes.postgres import Database

NOW = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
TODAY = NOW.date()
MILLION = 1_000_000


def claim(provider: str, micro_usd: int, *, place: int = 1, tokens: int = 10) -> Claim:
    """Return a claim of exactly ``micro_usd``, a multiple of ``tokens``."""
    price = Price(input_micro_usd_per_million=micro_usd // tokens * MILLION, output_micro_usd_per_million=0)
    model = Model(name=f"{provider}-model", provider=provider, tier=Tier.FAST, context_tokens=8192, price=price)
    return Claim(place=place, model=model, input_tokens=tokens, output_tokens=0)


def attempt(of: Claim, *, tokens: int | None = None, outcome: Outcome = Outcome.WON) -> Attempt:
    """Return a try of ``of`` that used ``tokens``, all that were claimed unless told."""
    used = of.input_tokens if tokens is None else tokens
    return Attempt(
        model=of.model,
        outcome=outcome,
        started_at=NOW,
        duration=timedelta(seconds=1),
        usage=Usage(input_tokens=used, output_tokens=0, estimated=False),
        micro_usd=of.model.price.of(input_tokens=used, output_tokens=0),
        number=of.place,
    )


def payer(subject: str = "ada", *, tenant: str = "acme", day: date = TODAY) -> Payer:
    """Return who pays."""
    return Payer(tenant=tenant, subject=subject, decision_id="decision-1", day=day)


def reservation(
    call_id: str,
    *claims: Claim,
    who: Payer | None = None,
    tenant: Limit = Limit(),  # noqa: B008 - frozen
    user: Limit = Limit(),  # noqa: B008 - frozen
    hold: timedelta = timedelta(seconds=60),
) -> Reservation:
    """Return a call that asks to be let through."""
    return Reservation(
        call_id=call_id,
        payer=who or payer(),
        claims=claims,
        ceilings=Ceilings(tenant=tenant, user=user),
        started_at=NOW,
        hold=hold,
    )


def emptied(database: Database) -> None:
    """Remove every row of spend."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("truncate router.spend, router.hold, router.budget")
