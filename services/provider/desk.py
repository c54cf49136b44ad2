"""Makes the tries at one vendor: with which key, how often, and each of them written into the book however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from services.chassis.call import CLOCK_SLACK_S
from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.provider.core import failures, schema
from services.provider.core.book import Book, Memory, Outcome, Plan, Try
from services.provider.core.completion import Completion, Delta, End, Event, Health, Message, Prompt, Role, TokenCount
from services.provider.core.keys import Key, KeyRing, Lease, Terms
from services.provider.core.repeat import Repeats
from services.provider.core.tokens import both
from services.provider.ports import Keys, Vendor
from services.provider.telemetry import Meter

_ASK_AGAIN = "That answer does not follow the JSON schema. Answer again with nothing but JSON that follows it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of this desk, beside the prompt."""

    call_id: str = ""
    alone: bool = False
    """Whether the proxy has no other provider to move on to: then a refusal that costs nothing is waited for here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One vendor with an account of its tries."""

    vendor: Vendor
    keys: Keys
    ring: KeyRing
    book: Book
    meter: Meter
    clock: Clock
    remaining_s: Callable[[], float | None]
    """Return what is left of the deadline of the call being served."""
    whole_s: float
    """Seconds for a whole answer (spec row PRV-02)."""
    draw: Callable[[], float]
    """Return a random number from 0 to 1."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    repeats: Repeats = field(default_factory=Repeats)

    async def generate(self, prompt: Prompt, order: Order) -> Completion:
        """Return the whole answer; one that does not follow its schema is asked for once more (spec row PRV-15)."""
        first = await self._whole(prompt, order)
        if not first.wrong:
            return first
        second = await self._whole(_mended(prompt, first), order)
        if second.wrong:
            raise failures.malformed(self.vendor.name, "an answer that does not follow its schema, twice")
        return replace(second, usage=both(first.usage, second.usage))

    async def stream(self, prompt: Prompt, order: Order) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written; a failure after the first token is STREAM_BROKEN."""
        sent = 0
        try:
            async with aclosing(self._events(prompt, order, whole=False)) as events:
                async for event in events:
                    match event:
                        case Delta():
                            sent += len(event.text)
                        case End() if event.wrong:
                            raise failures.malformed(self.vendor.name, "an answer that does not follow its schema")
                    yield event
        except MeshError as error:
            if sent:
                raise failures.broken(self.vendor.name, sent, error) from error
            raise

    async def count_tokens(self, messages: tuple[Message, ...], model: str) -> TokenCount:
        """Count the tokens of a conversation."""
        return await self.vendor.count_tokens(messages, model, self._any_key())

    async def health(self) -> Health:
        """Look at the vendor without generating anything."""
        return await self.vendor.health(self._any_key())

    def recall(self, call_id: str) -> Memory:
        """Return what became of the tries of a call."""
        return self.book.recall(call_id, self.clock.now())

    def show_keys(self) -> None:
        """Let the metrics tell how the keys are."""
        self.meter.show_keys(self.ring, self.keys.age_s, self.clock.monotonic)

    async def _whole(self, prompt: Prompt, order: Order) -> Completion:
        """Return the whole answer.

        The vendor is asked for a stream all the same: of an answer that comes in one piece nobody knows when it began,
        nor what a try that was taken back had written.
        """
        text: list[str] = []
        async with aclosing(self._events(prompt, order, whole=True)) as events:
            async for event in events:
                match event:
                    case Delta():
                        text.append(event.text)
                    case End():
                        end = event
        return Completion(text="".join(text), model=end.model, finish=end.finish, usage=end.usage, wrong=end.wrong)

    async def _events(self, prompt: Prompt, order: Order, *, whole: bool) -> AsyncGenerator[Event, None]:
        """Make tries until one answers or fails for good; none is made after a first piece has come."""
        if prompt.partial and not self.vendor.continues(prompt.model):
            raise failures.incapable(self.vendor.name, "cannot go on from a partial answer")
        tried: list[Key] = []
        made = 0
        while True:
            attempt = self._begin(prompt, order)
            try:
                with self._made(attempt) as lease:
                    tried.append(lease.key)
                    text: list[str] = []
                    terms = Terms(key=lease.key, until=attempt.started + self.whole_s if whole else None)
                    async with aclosing(self.vendor.stream(prompt, terms)) as events:
                        async for event in events:
                            attempt.take(event, self.clock.monotonic())
                            if isinstance(event, Delta):
                                text.append(event.text)
                            yield _judged(prompt, attempt, event, text) if isinstance(event, End) else event
                    return
            except MeshError as error:
                pause = None if attempt.pieces else self._pause_s(error, tried, made, order)
                if pause is None:
                    raise
            if pause > 0:
                made += 1
                await self.sleep(pause)

    def _begin(self, prompt: Prompt, order: Order) -> Try:
        plan = Plan(call_id=order.call_id, model=prompt.model, messages=prompt.messages)
        return self.book.begin(plan, self.clock.now(), self.clock.monotonic())

    @contextmanager
    def _made(self, attempt: Try) -> Iterator[Lease]:
        """Choose a key for ``attempt``, and write down how it ends."""
        lease: Lease | None = None
        try:
            lease = self._lease()
            attempt.key_fingerprint = lease.holder.fingerprint
            yield lease
        except MeshError as error:
            if failures.is_timeout(error) and self._is_over():
                # A caller's short time says nothing about the vendor, nor about the key.
                attempt.end(Outcome.FAILED, self.clock.monotonic(), reason="DEADLINE_EXPIRED")
                raise failures.expired(self.vendor.name) from error
            attempt.end(Outcome.FAILED, self.clock.monotonic(), reason=error.reason, unpaid=failures.is_unpaid(error))
            if lease is not None:
                self.ring.failed(lease, error, self.clock.monotonic())
            raise
        except (asyncio.CancelledError, GeneratorExit):
            # Where the caller's time is over nobody took the try back: it was too slow.
            outcome, reason = (Outcome.FAILED, "DEADLINE_EXPIRED") if self._is_over() else (Outcome.CANCELLED, "")
            attempt.end(outcome, self.clock.monotonic(), reason=reason)
            raise
        except BaseException:
            attempt.end(Outcome.FAILED, self.clock.monotonic(), reason="INTERNAL")
            raise
        finally:
            if lease is not None:
                self.ring.returned(lease, answered=attempt.outcome is Outcome.WON)
            self.book.close(attempt)
            self.meter.count(attempt, self.clock.monotonic())

    def _is_over(self) -> bool:
        """Tell whether the caller's time is over."""
        left = self.remaining_s()
        return left is not None and left <= CLOCK_SLACK_S

    def _lease(self) -> Lease:
        self._renew()
        return self.ring.take(self.clock.monotonic())

    def _any_key(self) -> Key:
        self._renew()
        return self.ring.any_key()

    def _renew(self) -> None:
        """Read the keys again where their file has changed."""
        keys = self.keys.changed()
        if keys is not None:
            self.ring.renew(keys)

    def _pause_s(self, error: MeshError, tried: Sequence[Key], made: int, order: Order) -> float | None:
        """Return the seconds until the next try, or None where ``error`` is the last word."""
        now = self.clock.monotonic()
        if (
            failures.is_about_the_key(error)
            and len(tried) <= len(self.ring.holders)
            and self.ring.has_other(tried, now)
        ):
            return 0.0
        if not order.alone:
            return None
        return self.repeats.wait_s(error, made=made, remaining_s=self.remaining_s(), draw=self.draw())


def _judged(prompt: Prompt, attempt: Try, end: End, text: Sequence[str]) -> End:
    """Return ``end``; that of an answer that breaks its schema says so, and its try has failed."""
    if not prompt.json_schema:
        return end
    wrong = schema.problem(prompt.json_schema, prompt.partial + "".join(text))
    if wrong:
        attempt.unfit("PROVIDER_MALFORMED")
    return replace(end, wrong=wrong)


def _mended(prompt: Prompt, answer: Completion) -> Prompt:
    """Return the prompt that asks once more, with what was wrong."""
    asked = (
        Message(role=Role.ASSISTANT, text=prompt.partial + answer.text),
        Message(role=Role.USER, text=f"{_ASK_AGAIN} What was wrong: {answer.wrong}."),
    )
    return replace(prompt, messages=(*prompt.messages, *asked), partial="")
