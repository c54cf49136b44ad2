"""Model vendors of a whole mesh: scripted by the test while adapters of other processes talk to them."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.fakes.vendors import Answer, FakeVendor, Step

PATIENCE_S = 30.0
_POLL_S = 0.005


class Vendor:
    """A vendor in a thread of its own: it answers while the test waits for a process."""

    def __init__(self) -> None:
        self._fake = FakeVendor()
        self._listening = threading.Event()
        self._closing = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def open(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._listening.wait(PATIENCE_S)

    def close(self) -> None:
        """Drop every connection and end."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self._fake:
            self._listening.set()
            await self._closing.wait()

    @property
    def url(self) -> str:
        """Return the address for ``magistrate up --provider``."""
        return self._fake.base_url.removesuffix("/v1")

    def play(self, *script: Step) -> None:
        """Answer the next calls by ``script``, its last step for ever, and forget what was counted."""
        self._fake.restart(script or (Answer(),))
        self._fake.cancellations = 0
        self._fake.calls.clear()

    def say(self, text: str) -> None:
        """Answer every call with ``text``."""
        self.play(Answer(words=tuple(f" {word}" for word in text.split())))

    @property
    def calls(self) -> int:
        """Return how many model calls came in since the last ``play``."""
        return self._fake.count

    @property
    def shown(self) -> set[str]:
        """Return what the calls since the last ``play`` gave as their authorization."""
        return {call.headers.get("authorization", "") for call in self._fake.calls}

    @property
    def cancellations(self) -> int:
        """Return how many callers left before their answer was complete since the last ``play``."""
        return self._fake.cancellations

    async def called(self, count: int = 1) -> None:
        """Wait until so many calls have come in."""
        await _reached(lambda: self.calls >= count, f"{count} calls")

    async def cancelled(self, count: int = 1) -> None:
        """Wait until so many calls were taken back."""
        await _reached(lambda: self.cancellations >= count, f"{count} cancellations")


@contextmanager
def vendor() -> Iterator[Vendor]:
    """Yield a vendor that listens."""
    one = Vendor()
    one.open()
    try:
        yield one
    finally:
        one.close()


async def _reached(happened: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        await asyncio.sleep(_POLL_S)
