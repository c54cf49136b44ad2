"""One router's worth of calls on the real ledger, as a process: ``python -m tests.contract.spend_racer JSON``.

It says ``ready``, waits for a line, makes all calls at once, and prints what became of them.
"""

import asyncio
import json
import random
import sys
from datetime import timedelta
from pathlib import Path

from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from services.router.adapters.ledger import PostgresLedger
from services.router.core.spend.limits import Limit
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.settlement import Settlement
from tests.contract.spend import attempt, claim, payer, reservation


async def main(order: dict[str, object]) -> None:
    """Race."""
    settings = PostgresSettings.model_validate(order["postgres"] | {"password_file": None})  # type: ignore[operator]  # JSON of the test
    secret = SecretFile(Path(str(order["password_file"])))
    async with open_pool(settings.model_copy(update={"password_file": secret})) as pool:
        ledger = PostgresLedger(pool)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        calls = (_call(ledger, order, number) for number in range(int(str(order["calls"]))))
        spent = [cost for cost in await asyncio.gather(*calls) if cost is not None]
    sys.stdout.write(json.dumps({"granted": len(spent), "spent": sum(spent)}) + "\n")


async def _call(ledger: PostgresLedger, order: dict[str, object], number: int) -> int | None:
    """Reserve, use some of it, settle twice as a repeated reply would; return what it cost."""
    call_id, worst = f"{order['name']}-{number}", int(str(order["worst"]))
    one = claim("openai", worst)
    limit = Limit(micro_usd=int(str(order["limit"])))
    who = payer(f"user-{number % 5}")
    answer = await ledger.reserve(
        reservation(call_id, one, who=who, tenant=limit, user=Limit(), hold=timedelta(minutes=5))
    )
    if isinstance(answer, Refusal):
        return None
    tokens = one.tokens if order["whole"] else random.Random(call_id).randint(0, one.tokens)  # noqa: S311 - a load
    tried = attempt(one, tokens=tokens)
    settled = Settlement(call_id=call_id, payer=who, attempts=(tried,))
    await asyncio.gather(ledger.settle(settled), ledger.settle(settled))
    return tried.micro_usd


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
