"""What group commit gives to the spend of one hot tenant: calls that share transactions, beside a transaction each."""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from services.chassis.clock import RandomIds
from services.router.adapters.ledger import PostgresLedger
from services.router.adapters.ledger.batch import Batches, Json
from services.router.core.account import Span, Usage, won
from services.router.core.catalogue import Model, Price, Tier
from services.router.core.spend.limits import Ceilings, Limit
from services.router.core.spend.reservation import Claim, Payer, Reservation
from services.router.core.spend.settlement import Settlement
from tools.bench.database import scratch_pool
from tools.bench.load import Measured, measure
from tools.bench.table import table

CALLS = 1500
IN_FLIGHT = 64
WARM_UP = 100
_NOW = datetime.now(UTC)
_CLAIM = Claim(
    place=1,
    model=Model(
        name="gpt",
        provider="openai",
        tier=Tier.FAST,
        context_tokens=8192,
        price=Price(input_micro_usd_per_million=150_000, output_micro_usd_per_million=600_000),
    ),
    input_tokens=1000,
    output_tokens=256,
)
_CEILINGS = Ceilings(tenant=Limit(micro_usd=10**12), user=Limit())
_WON = won(
    _CLAIM.model,
    Usage(input_tokens=200, output_tokens=50, estimated=False),
    Span(started_at=_NOW, duration=timedelta(seconds=1)),
    timedelta(seconds=1),
)
_PAYER = Payer(tenant="bench", subject="bench", decision_id="", day=_NOW.date())


class _Apart(PostgresLedger):
    """The same ledger without company: each item is its own transaction."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._batches = _Each(self._book)


class _Each(Batches):
    def put(self, item: Json) -> "asyncio.Future[Json]":
        return asyncio.ensure_future(self._one(item))

    async def _one(self, item: Json) -> Json:
        answers: Sequence[Json] = await self._write([item])
        return answers[0]


async def shared_commits() -> None:
    """Measure both on one database and print."""
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as folder:
        async with scratch_pool(Path(folder) / "state", "router") as pool:
            apart = await _measured(_Apart(pool))
            shared = await _measured(PostgresLedger(pool))
    print(f"calls of one tenant, reserved and settled, {IN_FLIGHT} at once")
    rows = {name: (got.rate, got.percentile_ms(50)) for name, got in {"apart": apart, "shared": shared}.items()}
    print(table(("calls/s", "p50 ms"), rows))


async def _measured(ledger: PostgresLedger) -> Measured:
    ids = RandomIds()

    async def call() -> None:
        call_id = ids.new()
        await ledger.reserve(
            Reservation(
                call_id=call_id,
                payer=_PAYER,
                claims=(_CLAIM,),
                ceilings=_CEILINGS,
                started_at=_NOW,
                hold=timedelta(minutes=1),
            )
        )
        await ledger.settle(Settlement(call_id=call_id, payer=_PAYER, attempts=(_WON,)))

    return await measure(call, calls=CALLS, in_flight=IN_FLIGHT, warm_up=WARM_UP)
