"""Builds the adapters under test, wired as ``services.provider.main`` wires them."""

from collections.abc import Callable

import httpx

from services.chassis.clock import SystemClock
from services.provider.adapters import dialect
from services.provider.adapters.transport import Patience, Transport
from services.provider.adapters.vendor import build as build_vendor
from services.provider.ports import Vendor

KEY = "sk-planted-secret-0123456789"
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
