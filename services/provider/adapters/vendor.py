"""Picks the adapter for a vendor by name."""

from dataclasses import replace

from services.provider.adapters import local, openai
from services.provider.adapters.transport import Transport
from services.provider.ports import Vendor


def build(name: str, transport: Transport) -> Vendor:
    """Return the adapter for the vendor ``name``. Raises LookupError for one that has none."""
    match name:
        case local.NAME:
            root = replace(transport, base_url=transport.base_url.removesuffix("/v1"))
            return local.Local(transport=replace(transport, ends_streams=True), root=root)
        case openai.NAME:
            return openai.OpenAI(transport=transport)
        case _:
            raise LookupError(f"no adapter for the vendor {name}")
