"""One request from plan to booked answer: plan, call the hedged route, account for every try, then answer."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from services.chassis.clock import Clock, Ids
from services.chassis.errors import MeshError
from services.router.core import account, failures
from services.router.core.account import Attempt, Span
from services.router.core.catalogue import Catalogue
from services.router.core.plan import Plan, Policy, plan
from services.router.core.prompt import Template
from services.router.core.request import Request
from services.router.ports import Ledger, Meter, Providers, Reply, Unanswered


class Spawn(Protocol):
    """Runs work that outlives the call it belongs to."""

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Start ``coro`` beside the calls."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer and how it came about."""

    text: str
    """Empty at the end of a stream."""
    plan: Plan
    provider: str
    model_version: str
    attempts: tuple[Attempt, ...]
    """The winner last."""
    started: int
    """Tries that were started, hedges included."""
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call on its way."""

    plan: Plan
    call_id: str
    decision_id: str
    span: Callable[[], Span]
    """Return the time from the start of the call until now."""


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Answers requests through the providers. What an answer cost is on the ledger before the answer is given."""

    policy: Policy
    catalogue: Catalogue
    templates: Sequence[Template]
    providers: Providers
    ledger: Ledger
    meter: Meter
    clock: Clock
    ids: Ids
    spawn: Spawn

    def plan(self, request: Request) -> Plan:
        """Return what ``generate`` would do, calling nobody. Raises as ``core.plan.plan``."""
        return plan(request, self.policy, self.catalogue, self.templates)

    async def generate(self, request: Request, decision_id: str) -> Answer:
        """Return the first good answer.

        Raises:
            MeshError: As ``core.plan.plan`` and ``core.failures.exhausted``; STORE_UNAVAILABLE where the spend could
                not be written down.
        """
        call = await self._prepare(request, decision_id)
        try:
            reply = await self.providers.generate(call.plan, call.call_id)
        except Unanswered as failure:
            raise self._failed(call, failure) from failure
        except asyncio.CancelledError:
            self._book_later(call, account.abandoned(call.plan, span=call.span()))
            raise
        return await self._answer(call, reply)

    async def stream(self, request: Request, decision_id: str) -> AsyncGenerator[str | Answer, None]:
        """Yield the answer as it is written and, last, the Answer.

        Raises:
            MeshError: As ``generate``; STREAM_BROKEN after the first token.
        """
        call = await self._prepare(request, decision_id)
        sent, provider, reply, first = 0, "", None, None
        try:
            async with aclosing(self.providers.stream(call.plan, call.call_id)) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        reply = event
                    else:
                        first = first or call.span().duration
                        sent, provider = sent + len(event.text), event.provider
                        yield event.text
        except Unanswered as failure:
            raise self._failed(call, failure, provider=provider, sent=sent) from failure
        except (asyncio.CancelledError, GeneratorExit):
            self._book_later(
                call, account.abandoned(call.plan, span=call.span(), provider=provider, sent_characters=sent)
            )
            raise
        if reply is None:
            cut = Unanswered(failures.endless(provider), provider=provider, attempts=1)
            raise self._failed(call, cut, provider=provider, sent=sent)
        yield await self._answer(call, reply, first)

    async def _prepare(self, request: Request, decision_id: str) -> _Call:
        planned = self.plan(request)
        if planned.is_near_a_limit(self.policy.limits.prompt_tokens):
            planned = await self._counted(request, planned)
        began, started_at = self.clock.monotonic(), self.clock.now()

        def span() -> Span:
            return Span(started_at=started_at, duration=timedelta(seconds=self.clock.monotonic() - began))

        return _Call(plan=planned, call_id=self.ids.new(), decision_id=decision_id, span=span)

    async def _counted(self, request: Request, planned: Plan) -> Plan:
        """Plan again with the tokenizer's count; without one the estimate stands."""
        try:
            tokens = await self.providers.count_tokens(planned)
        except Unanswered:
            return planned
        return plan(request, self.policy, self.catalogue, self.templates, counted_tokens=tokens)

    async def _answer(self, call: _Call, reply: Reply, first_token_after: timedelta | None = None) -> Answer:
        span = replace(call.span(), first_token_after=first_token_after)
        attempts = account.answered(
            call.plan,
            winner=reply.provider,
            count=reply.attempts,
            usage=reply.usage,
            span=span,
            took=reply.duration,
        )
        # The write goes on where the caller leaves meanwhile: the tokens are spent all the same.
        await asyncio.shield(self._book_later(call, attempts))
        return Answer(
            text=reply.text,
            plan=call.plan,
            provider=reply.provider,
            model_version=reply.model_version,
            attempts=attempts,
            started=reply.attempts,
            truncated=reply.truncated,
        )

    def _failed(self, call: _Call, failure: Unanswered, *, provider: str = "", sent: int = 0) -> MeshError:
        ended = provider or failure.provider
        attempts = account.failed(
            call.plan,
            last=ended,
            count=failure.attempts,
            reason=failure.error.reason,
            span=call.span(),
            sent_characters=sent,
        )
        self._book_later(call, attempts)
        if sent:
            return failures.broken(ended, sent, failure.error)
        return failures.exhausted(call.plan.order, failure.error, attempts=failure.attempts)

    def _book_later(self, call: _Call, attempts: Sequence[Attempt]) -> "asyncio.Task[None]":
        self.meter.count(call.plan.models[0].provider, attempts)
        booking = self.ledger.record(call.call_id, call.decision_id, attempts)
        return self.spawn(booking, name="book spend")
