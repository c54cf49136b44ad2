"""One planned call token by token: what was sent is known at every moment, so that every end of it can be booked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from services.router.booking import Bookkeeper
from services.router.core import failures
from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.request import Request
from services.router.ports import Providers, Reply, Unanswered


@dataclass(slots=True)
class _Progress:
    """How far a stream has come."""

    provider: str = ""
    sent: int = 0
    """Characters that the caller has."""
    first_token_after: timedelta | None = None
    reply: Reply | None = None


@dataclass(frozen=True, kw_only=True)
class Streamer:
    """Streams answers of the providers."""

    providers: Providers
    books: Bookkeeper

    async def stream(self, _request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[str | Answer, None]:
        """Yield the answer as it is written and, last, the Answer.

        Raises:
            MeshError: As ``Dispatcher.generate``; STREAM_BROKEN after the first token.
        """
        booking = await self.books.open(plan, decision_id)
        plan = booking.plan
        progress = _Progress()
        try:
            async with aclosing(self.providers.stream(plan, booking.call_id)) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        progress.reply = event
                        continue
                    progress.first_token_after = progress.first_token_after or booking.span().duration
                    progress.sent, progress.provider = progress.sent + len(event.text), event.provider
                    yield event.text
            reply = _whole(progress)
        except Unanswered as failure:
            booking.failed(failure, provider=progress.provider, sent=progress.sent)
            if progress.sent:
                ended = progress.provider or failure.provider
                raise failures.broken(ended, progress.sent, failure.error) from failure
            raise failures.exhausted(plan.order, failure.error, attempts=failure.attempts) from failure
        except (asyncio.CancelledError, GeneratorExit):
            booking.abandoned(provider=progress.provider, sent=progress.sent)
            raise
        yield Answer(
            text="",
            plan=plan,
            call_id=booking.call_id,
            provider=reply.provider,
            model_version=reply.model_version,
            attempts=await booking.answered(reply, progress.first_token_after),
            started=reply.attempts,
            truncated=reply.truncated,
            reserved_micro_usd=booking.reserved_micro_usd,
        )


def _whole(progress: _Progress) -> Reply:
    if progress.reply is None:
        raise Unanswered(failures.endless(progress.provider), provider=progress.provider, attempts=1)
    return progress.reply
