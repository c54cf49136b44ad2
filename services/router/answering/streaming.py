"""One planned call token by token; a provider that breaks off under way does not end the answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta

from services.chassis import call
from services.chassis.errors import Kind, MeshError
from services.router.core import failures
from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded, Leg, next_leg
from services.router.core.request import Recovery, Request
from services.router.ports import Faults, Piece, Providers, Reply, Streamed, Unanswered
from services.router.spending.booking import Booking, Bookkeeper


@dataclass(slots=True)
class _Progress:
    """How far a stream has come."""

    leg: Leg
    started: int = 0
    """Tries of the legs before this one."""
    recoveries: int = 0
    texts: list[str] = field(default_factory=list)
    """What the reader has, since the last discard."""
    provider: str = ""
    """Who sends in this leg; empty before its first token."""
    attempts: int = 1
    """Tries of this leg, as far as they are known."""
    first_token_after: timedelta | None = None
    """Time from the start of the call to the first token of this leg."""
    reply: Reply | None = None
    asked: set[str] = field(default_factory=set)
    """Providers that had their chance."""

    @property
    def sent(self) -> int:
        """Return the characters that the reader has."""
        return sum(map(len, self.texts))


@dataclass(frozen=True, kw_only=True)
class Streamer:
    """Streams answers of the providers."""

    providers: Providers
    books: Bookkeeper
    recovery: Recovery = Recovery.RESTART
    """For a request that does not say."""
    idle_s: float = 10.0
    """Seconds between two pieces after which a provider counts as broken off."""
    timeout_s: float = 60.0
    """Seconds for the whole call with all its legs."""
    faults: Faults | None = None
    """Who counts answers that break off, beside the books; None where nobody does."""

    async def stream(self, request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Yield the answer as it is written, a Discarded where it begins anew and, last, the Answer.

        Raises:
            MeshError: As ``Dispatcher.generate``; STREAM_BROKEN where a provider broke off and nobody took over.
        """
        booking = await self.books.open(plan, decision_id, request.intent_key)
        progress = _Progress(leg=Leg(plan=booking.plan))
        try:
            while progress.reply is None:
                try:
                    async with aclosing(self._leg(progress, booking)) as texts:
                        async for text in texts:
                            yield text
                except Unanswered as failure:
                    if discarded := self._recover(request, progress, booking, failure):
                        yield discarded
        except (asyncio.CancelledError, GeneratorExit):
            booking.abandoned()
            raise
        yield await _answer(progress, progress.reply, booking)

    async def _leg(self, progress: _Progress, booking: Booking) -> AsyncGenerator[str, None]:
        """Yield the texts of one leg. Raises Unanswered where it breaks, also by silence."""
        async with aclosing(self.providers.stream(progress.leg, booking.call_id)) as events:
            while (event := await self._next(events, progress)) is not None:
                if isinstance(event, Reply):
                    progress.reply = event
                    continue
                if progress.first_token_after is None:
                    progress.first_token_after = booking.span().duration
                progress.provider, progress.attempts = event.provider, event.attempts
                progress.texts.append(event.text)
                yield event.text
        if progress.reply is None:
            raise _broken(failures.endless(progress.provider), progress)

    async def _next(self, events: AsyncGenerator[Piece | Reply, None], progress: _Progress) -> Piece | Reply | None:
        """Return the next event, None after the last; after the first token it must come soon enough."""
        try:
            async with asyncio.timeout(self.idle_s if progress.provider else None):
                return await anext(events, None)
        except TimeoutError:
            raise _broken(failures.stalled(progress.provider, self.idle_s), progress) from None

    def _recover(
        self, request: Request, progress: _Progress, booking: Booking, failure: Unanswered
    ) -> Discarded | None:
        """Put ``progress`` on its next leg, and return what the reader must be told of it.

        Raises:
            MeshError: There is no next leg.
        """
        broke = progress.provider or failure.provider
        under_way = bool(progress.provider) or failure.error.reason == "PROVIDER_MALFORMED"
        _note_asked(progress, broke, failure.attempts, whole=not under_way)
        after = booking.span().duration
        late = self._is_late(failure.error, after)
        if under_way and not late:
            self._blame(broke, booking)
        # A leg that nobody began to answer has been through all of its order.
        partial = "".join(progress.texts)
        leg = None
        if not late and (under_way or progress.leg.partial):
            leg = next_leg(request.recovery or self.recovery, booking.plan, progress.asked, partial, after)
        if leg is None:
            booking.failed()
            raise _ended(progress, broke, failure, order=booking.plan.order, late=late) from failure
        progress.leg, progress.provider, progress.attempts, progress.first_token_after = leg, "", 1, None
        progress.recoveries += 1
        if leg.partial or not partial:
            return None
        progress.texts.clear()
        return Discarded(characters=len(partial), provider=broke, reason="STREAM_BROKEN")

    def _is_late(self, error: MeshError, after: timedelta) -> bool:
        """Tell whether the time ended the answer, which speaks against no provider (trap T29)."""
        return error.kind is Kind.DEADLINE or call.is_over() or after.total_seconds() >= self.timeout_s

    def _blame(self, provider: str, booking: Booking) -> None:
        booking.broke(provider)
        if self.faults is not None:
            self.faults.broke_off(booking.plan, provider, booking.call_id)


def _broken(error: MeshError, progress: _Progress) -> Unanswered:
    return Unanswered(error, provider=progress.provider, attempts=progress.attempts)


def _note_asked(progress: _Progress, broke: str, attempts: int, *, whole: bool) -> None:
    """Note who was asked in a leg: Envoy goes through the order, the one that broke off last."""
    order = progress.leg.plan.order
    others = [provider for provider in order if provider != broke]
    progress.asked.update(order if whole else (*others[: attempts - 1], broke))
    progress.started += attempts


def _ended(progress: _Progress, broke: str, failure: Unanswered, *, order: tuple[str, ...], late: bool) -> Exception:
    if progress.sent and not late:
        return failures.broken(broke, progress.sent, failure.error)
    return failures.exhausted(order, failure.error, attempts=progress.started)


async def _answer(progress: _Progress, reply: Reply, booking: Booking) -> Answer:
    started = progress.started + reply.attempts
    return Answer(
        text="",
        plan=booking.plan,
        call_id=booking.call_id,
        provider=reply.provider,
        model_version=reply.model_version,
        attempts=await booking.answered(replace(reply, attempts=started), progress.first_token_after),
        started=started,
        truncated=reply.truncated,
        recoveries=progress.recoveries,
        reserved_micro_usd=booking.reserved_micro_usd,
    )
