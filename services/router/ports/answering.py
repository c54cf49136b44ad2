"""What answers a planned request: a cache before a vote before the providers, and what these need."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded
from services.router.core.request import Request


class Generator(Protocol):
    """Answers planned requests. One may stand before another: a cache before a vote before the providers."""

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer. Raises MeshError."""
        ...


Streamed = str | Discarded | Answer
"""New text of an answer, the word that all text so far is void, or, last, the answer itself without its text."""


class Streams(Protocol):
    """Answers planned requests token by token. One may stand before another."""

    def stream(self, request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Yield the answer as it is written. Raises MeshError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A text as a vector of length 1; the cosine of two tells how near their meanings are."""

    values: tuple[float, ...]
    model: str
    """Vectors of two models say nothing about each other."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """Return one vector per text, in order, from one call.

        Raises:
            WorldError: The model is away or late, or only a stand-in for it is there.
        """
        ...


class Spawn(Protocol):
    """Runs work that outlives the call it belongs to."""

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start ``coro`` beside the calls."""
        ...
