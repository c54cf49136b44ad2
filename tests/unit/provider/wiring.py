"""Builds the adapters under test, wired as ``services.provider.main`` wires them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.chassis.breaker import Rules
from services.chassis.clock import Clock, SystemClock
from services.provider.adapters.transport import Patience, Transport
from services.provider.adapters.vendor import MANNERS
from services.provider.adapters.vendor import build as build_vendor
from services.provider.batch import Batch
from services.provider.core.book import Book
from services.provider.core.completion import Event, Message, Opened, Prompt, Role
from services.provider.core.keys import Key, KeyRing
from services.provider.desk import Desk, Order
from services.provider.ports import Keys, Vendor
from services.provider.servicer import ProviderServicer
from services.provider.telemetry import Meter

KEY = "sk-planted-secret-0123456789"
KEY_RULES = Rules()
PATIENCE_S = 60.0
"""More than a busy machine makes anything wait that is going to come."""
CALL = Order(call_id="call-1")
DIALECTS = ("local", "ollama", "anthropic", "openai")
PROMPT = Prompt(
    model="gpt-4-turbo",
    messages=(Message(role=Role.SYSTEM, text="Be brief."), Message(role=Role.USER, text="How many days of leave?")),
    max_tokens=64,
    temperature=0.2,
)


def no_deadline() -> float | None:
    """Return what a call without a deadline has left."""
    return None


def replace_file(file: Path, text: str) -> None:
    """Put a new file in the place of ``file``: written anew within a tick of the clock it could not be told from it."""
    fresh = file.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(file)


def build(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = PATIENCE_S,
    clock: Clock | None = None,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> Vendor:
    """Return the adapter ``name`` pointed at ``base_url``."""
    transport = Transport(
        client=client,
        vendor=name,
        # Ollama has no version in its paths.
        base_url=base_url.removesuffix("/v1") if name == "ollama" else base_url,
        manners=MANNERS[name],
        patience=Patience(connect_s=PATIENCE_S, attempt_s=attempt_s),
        clock=clock or SystemClock(),
        remaining_s=remaining_s,
    )
    return build_vendor(transport)


@dataclass(slots=True, kw_only=True)
class FixedKeys:
    """Implements the Keys port: keys that a test may replace."""

    keys: tuple[Key, ...]
    told: tuple[Key, ...] | None = None

    def changed(self) -> tuple[Key, ...] | None:
        """Return the keys once after each change."""
        if self.keys == self.told:
            return None
        self.told = self.keys
        return self.keys

    def age_s(self) -> float:
        """Return the age of new keys."""
        return 0.0


def desk(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = PATIENCE_S,
    keys: Keys | None = None,
    rules: Rules | None = KEY_RULES,
    clock: Clock | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> Desk:
    """Return the desk of the adapter ``name`` pointed at ``base_url``."""
    clock = clock or SystemClock()
    return Desk(
        vendor=build(name, client, base_url, attempt_s=attempt_s, clock=clock, remaining_s=remaining_s),
        keys=keys or FixedKeys(keys=(Key(KEY),)),
        ring=KeyRing(name, rules),
        book=Book(opened_at=clock.now()),
        meter=Meter(provider=name),
        clock=clock,
        remaining_s=remaining_s,
        whole_s=attempt_s,
        draw=lambda: 0.5,
        sleep=sleep,
    )


def servicer(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = PATIENCE_S,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> ProviderServicer:
    """Return the contract over the adapter ``name`` pointed at ``base_url``."""
    wired = desk(name, client, base_url, attempt_s=attempt_s, remaining_s=remaining_s)
    return ProviderServicer(desk=wired, default_model="default-model", clock=SystemClock(), batch=Batch(at_once=4))


async def read(vendor: Desk, into: list[Event]) -> None:
    """Read a whole stream, keeping what came before a failure."""
    async for event in vendor.stream(PROMPT, CALL):
        if not isinstance(event, Opened):
            into.append(event)  # noqa: PERF401 - a comprehension would lose the events before a failure
