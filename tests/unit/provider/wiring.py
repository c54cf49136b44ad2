"""Builds the adapters under test, wired as ``services.provider.main`` wires them."""

from collections.abc import Callable

import httpx

from services.chassis.clock import SystemClock
from services.provider.adapters import dialect
from services.provider.adapters.transport import Patience, Transport
from services.provider.adapters.vendor import build as build_vendor
from services.provider.core.book import Book
from services.provider.desk import Desk
from services.provider.ports import Vendor
from services.provider.servicer import ProviderServicer

KEY = "sk-planted-secret-0123456789"
CALL = "call-1"
DIALECTS = ("local", "openai")


def no_deadline() -> float | None:
    """Return what a call without a deadline has left."""
    return None


def planted_key() -> str:
    """Return the key that no log, error or answer may show."""
    return KEY


def build(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = 5.0,
    key: Callable[[], str] = planted_key,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> Vendor:
    """Return the adapter ``name`` pointed at ``base_url``."""
    transport = Transport(
        client=client,
        vendor=name,
        base_url=base_url,
        key=key,
        patience=Patience(connect_s=1.0, attempt_s=attempt_s),
        clock=SystemClock(),
        remaining_s=remaining_s,
        read_codes=dialect.read_codes,
    )
    return build_vendor(name, transport)


def desk(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = 5.0,
    key: Callable[[], str] = planted_key,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> Desk:
    """Return the desk of the adapter ``name`` pointed at ``base_url``."""
    vendor = build(name, client, base_url, attempt_s=attempt_s, key=key, remaining_s=remaining_s)
    clock = SystemClock()
    return Desk(
        vendor=vendor, book=Book(opened_at=clock.now()), clock=clock, remaining_s=remaining_s, whole_s=attempt_s
    )


def servicer(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = 5.0,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> ProviderServicer:
    """Return the contract over the adapter ``name`` pointed at ``base_url``."""
    wired = desk(name, client, base_url, attempt_s=attempt_s, remaining_s=remaining_s)
    return ProviderServicer(desk=wired, default_model="default-model", clock=SystemClock())
