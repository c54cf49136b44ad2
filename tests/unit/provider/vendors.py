"""Builds the adapters under test, wired as ``services.provider.main`` wires them."""

from collections.abc import Callable

import httpx

from services.chassis.clock import SystemClock
from services.provider.adapters import dialect
from services.provider.adapters.local import Local
from services.provider.adapters.openai import OpenAI
from services.provider.adapters.transport import Patience, Transport
from services.provider.ports import Vendor

KEY = "sk-planted-secret-0123456789"
DIALECTS = ("local", "openai")


def no_deadline() -> float | None:
    """Return what a call without a deadline has left."""
    return None


def build(
    name: str,
    client: httpx.AsyncClient,
    base_url: str,
    *,
    attempt_s: float = 5.0,
    key: str = KEY,
    remaining_s: Callable[[], float | None] = no_deadline,
) -> Vendor:
    """Return the adapter ``name`` pointed at ``base_url``."""

    def transport(url: str) -> Transport:
        return Transport(
            client=client,
            vendor=name,
            base_url=url,
            key=lambda: key,
            patience=Patience(connect_s=1.0, attempt_s=attempt_s),
            clock=SystemClock(),
            remaining_s=remaining_s,
            read_codes=dialect.read_codes,
        )

    if name == "local":
        return Local(transport=transport(base_url), root=transport(base_url.removesuffix("/v1")))
    return OpenAI(transport=transport(base_url))
