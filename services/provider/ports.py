"""What the room needs from the world: one model vendor, and the keys it is paid with."""

from collections.abc import AsyncGenerator
from typing import Protocol

from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms


class Vendor(Protocol):
    """A model vendor. Every method raises MeshError with a PROVIDER_ reason, and leaves no call open when cancelled."""

    @property
    def name(self) -> str:
        """Return the vendor's name, as the topology has it."""
        ...

    @property
    def counts_tokens(self) -> bool:
        """Tell whether the vendor counts tokens itself."""
        ...

    def continues(self, model: str) -> bool:
        """Tell whether the model can go on from a partial answer."""
        ...

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written: Opened, Delta, Delta, ..., End. Raises where it breaks."""
        ...

    async def count_tokens(self, messages: tuple[Message, ...], model: str, key: Key) -> TokenCount:
        """Return the tokens of the messages' texts, exact where the vendor has a tokenizer to ask."""
        ...

    async def health(self, key: Key) -> Health:
        """Look at the vendor without generating anything; a sick vendor is an answer, not an error."""
        ...


class Keys(Protocol):
    """Where the keys come from."""

    def changed(self) -> tuple[Key, ...] | None:
        """Return the keys where they are others than last time, and None where they are the same."""
        ...

    def age_s(self) -> float:
        """Return how long ago they were last changed, in seconds."""
        ...
