"""What the room needs from the world: one model vendor."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount


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

    def stream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written: Delta, Delta, ..., End. Raises where it breaks."""
        ...

    async def count_tokens(self, messages: Sequence[Message]) -> TokenCount:
        """Return the tokens of the messages' texts, exact where the vendor has a tokenizer to ask."""
        ...

    async def health(self) -> Health:
        """Look at the vendor without generating anything; a sick vendor is an answer, not an error."""
        ...
