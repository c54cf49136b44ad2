"""The most that one try can cost, whatever tokenizer its vendor has: what limits and reservations go by."""

from dataclasses import dataclass
from typing import Self

from services.router.core.catalogue import Model
from services.router.core.prompt import Prompt

FRAME_TOKENS = 64
"""Tokens that a vendor's own framing of two messages may add."""
REPAIR_TOKENS = 512
"""What an adapter adds to a prompt at most when it asks for an answer that does not follow its schema once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Tokens that one try can read and write at most.

    A token of any tokenizer covers at least one byte, so the bytes of the prompt bound what a vendor may count; an
    estimate would not, and a limit could be overrun by texts that are dense in tokens.
    """

    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, prompt: Prompt, *, json_schema: str, output_tokens: int) -> Self:
        """Return the bound of a try with ``prompt`` and, unless empty, ``json_schema``, and this cap of the answer."""
        read = len((prompt.system + prompt.user + json_schema).encode()) + FRAME_TOKENS
        if not json_schema:
            return cls(input_tokens=read, output_tokens=output_tokens)
        # The adapter may ask twice (spec row PRV-15); the second prompt has the first answer in it.
        return cls(input_tokens=2 * read + output_tokens + REPAIR_TOKENS, output_tokens=2 * output_tokens)

    def price(self, model: Model) -> int:
        """Return what a try at ``model`` costs at most, in micro-dollars."""
        return model.price.of(input_tokens=self.input_tokens, output_tokens=self.output_tokens)
