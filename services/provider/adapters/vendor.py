"""Picks the adapter for a vendor by name."""

from collections.abc import Mapping

from services.provider.adapters import anthropic, local, ollama, openai
from services.provider.adapters.transport import Manners, Transport
from services.provider.ports import Vendor


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


MANNERS: Mapping[str, Manners] = {
    # llama.cpp promises to keep its connections and closes them all the same; one call in five met the closing one.
    local.NAME: Manners(credentials=_bearer, ends_streams=True),
    ollama.NAME: Manners(credentials=_bearer),
    anthropic.NAME: Manners(credentials=anthropic.credentials),
    openai.NAME: Manners(credentials=_bearer),
}


def build(transport: Transport) -> Vendor:
    """Return the adapter for the vendor of ``transport``. Raises LookupError for one that has none."""
    match transport.vendor:
        case local.NAME:
            return local.Local(transport=transport)
        case ollama.NAME:
            return ollama.Ollama(transport=transport)
        case anthropic.NAME:
            return anthropic.Anthropic(transport=transport)
        case openai.NAME:
            return openai.OpenAI(transport=transport)
        case _:
            raise LookupError(f"no adapter for the vendor {transport.vendor}")
