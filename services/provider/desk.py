"""Makes the tries at one vendor and writes each of them into the book, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.provider.core import failures
from services.provider.core.book import Book, Memory, Outcome, Plan, Try
from services.provider.core.completion import Completion, Delta, End, Event, Prompt
from services.provider.ports import Vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One vendor with an account of its tries."""

    vendor: Vendor
    book: Book
    clock: Clock
    remaining_s: Callable[[], float | None]
    """Return what is left of the deadline of the call being served."""
    whole_s: float
    """Seconds for a whole answer (spec row PRV-02); the remaining deadline wins where it is shorter."""

    async def generate(self, prompt: Prompt, call_id: str) -> Completion:
        """Return the whole answer.

        The vendor is asked for a stream all the same: of an answer that comes in one piece nobody knows when it began,
        nor what a try that was taken back had written.
        """
        text: list[str] = []
        attempt = self._begin(prompt, call_id)
        with self._accounted(attempt):
            try:
                async with asyncio.timeout(self._patience_s()), aclosing(self.vendor.stream(prompt)) as events:
                    async for event in events:
                        attempt.take(event, self.clock.monotonic())
                        match event:
                            case Delta():
                                text.append(event.text)
                            case End():
                                end = event
            except TimeoutError as error:
                raise failures.timed_out(self.vendor.name) from error
        return Completion(text="".join(text), model=end.model, finish=end.finish, usage=end.usage)

    async def stream(self, prompt: Prompt, call_id: str) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written; a failure after the first token is STREAM_BROKEN."""
        attempt = self._begin(prompt, call_id)
        try:
            # Without aclosing, a consumer that leaves early would leave the vendor writing, and billing, for a while.
            with self._accounted(attempt):
                async with aclosing(self.vendor.stream(prompt)) as events:
                    async for event in events:
                        attempt.take(event, self.clock.monotonic())
                        yield event
        except MeshError as error:
            if attempt.pieces:
                raise failures.broken(self.vendor.name, attempt.characters, error) from error
            raise

    def recall(self, call_id: str) -> Memory:
        """Return what became of the tries of a call."""
        return self.book.recall(call_id, self.clock.now())

    def _begin(self, prompt: Prompt, call_id: str) -> Try:
        plan = Plan(call_id=call_id, model=prompt.model, messages=prompt.messages)
        return self.book.begin(plan, self.clock.now(), self.clock.monotonic())

    @contextmanager
    def _accounted(self, attempt: Try) -> Iterator[None]:
        """Write down how ``attempt`` ends."""
        try:
            yield
        except MeshError as error:
            unpaid = failures.is_unpaid(error)
            attempt.end(Outcome.FAILED, self.clock.monotonic(), reason=error.reason, unpaid=unpaid)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            # Where the caller's time is over nobody took the try back: it was too slow.
            expired = self.remaining_s() == 0
            outcome, reason = (Outcome.FAILED, "DEADLINE_EXPIRED") if expired else (Outcome.CANCELLED, "")
            attempt.end(outcome, self.clock.monotonic(), reason=reason)
            raise
        except BaseException:
            attempt.end(Outcome.FAILED, self.clock.monotonic(), reason="INTERNAL")
            raise
        finally:
            self.book.close(attempt)

    def _patience_s(self) -> float:
        remaining = self.remaining_s()
        return self.whole_s if remaining is None else min(remaining, self.whole_s)
