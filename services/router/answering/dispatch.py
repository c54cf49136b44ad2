"""One planned call in one piece: open the books, call the hedged route, close the books, answer."""

import asyncio
from dataclasses import dataclass

from services.router.core import failures
from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.request import Request
from services.router.ports import Providers, Unanswered
from services.router.spending.booking import Bookkeeper


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Implements the Generator port on the providers. What it may cost is held before anybody is asked."""

    providers: Providers
    books: Bookkeeper

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the first good answer.

        Raises:
            MeshError: As ``core.failures.exhausted``; STORE_UNAVAILABLE where what it may cost could not be held.
        """
        booking = await self.books.open(plan, decision_id, request.intent_key)
        plan = booking.plan
        try:
            reply = await self.providers.generate(plan, booking.call_id)
        except Unanswered as failure:
            booking.failed()
            raise failures.exhausted(plan.order, failure.error, attempts=failure.attempts) from failure
        except asyncio.CancelledError:
            booking.abandoned()
            raise
        return Answer(
            text=reply.text,
            plan=plan,
            call_id=booking.call_id,
            provider=reply.provider,
            model_version=reply.model_version,
            attempts=await booking.answered(reply),
            started=reply.attempts,
            truncated=reply.truncated,
            reserved_micro_usd=booking.reserved_micro_usd,
        )
