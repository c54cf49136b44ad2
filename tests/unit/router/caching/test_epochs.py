"""How long a reading of what was invalidated is good for."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from services.chassis.errors import MeshError, unavailable
from services.router.caching.epochs import Epochs
from services.router.core.caching.epoch import Marks, Notice, Scope
from services.router.core.request import Domain, Task

BOUND_S = 5.0
WORK = Domain.GENERAL, Task.ANALYSIS


@dataclass
class World:
    """A clock that stands until it is moved, and a store that may be away."""

    seconds: float = 100.0
    epoch: int = 1
    away: bool = False
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def now(self) -> datetime:
        """Return a wall clock time that nobody asks for."""
        return datetime(2026, 1, 31, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    async def read(self, _tenant: str) -> Marks:
        """Return the one mark there is."""
        if self.away:
            raise unavailable("STORE_UNAVAILABLE", "it is away")
        return {Scope(): self.epoch}

    async def advance(self, _tenant: str, _scope: Scope) -> int:
        """Begin the next epoch."""
        self.epoch += 1
        return self.epoch

    async def announce(self, notice: Notice) -> None:
        """Lose the word."""

    def spawn(self, coro: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Run it beside the test."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self.tasks.append(task)
        return task

    def epochs(self) -> Epochs:
        """Return what is tried."""
        return Epochs(
            store=self,
            announcer=self,  # type: ignore[arg-type]  # nobody listens here
            clock=self,
            spawn=self.spawn,
            bound_s=BOUND_S,
            forget=lambda _tenant, _name: None,
            clear=lambda _tenant: None,
        )


@pytest.mark.spec("CCH-05")
async def test_a_reading_is_used_up_to_the_bound_and_never_beyond() -> None:
    """With the store away the last reading serves for the bound; after it nobody knows, and nothing kept is given."""
    world = World()
    epochs = world.epochs()
    assert await epochs.of("acme", *WORK) == 1
    world.away, world.epoch = True, 2
    world.seconds += BOUND_S
    assert await epochs.of("acme", *WORK) == 1
    world.seconds += 0.001
    with pytest.raises(MeshError) as caught:
        await epochs.of("acme", *WORK)
    world.away = False

    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert await epochs.of("acme", *WORK) == 2


@pytest.mark.spec("CCH-05")
async def test_a_lost_word_is_noticed_by_the_reading_after_the_bound() -> None:
    """A reading of half that age is renewed beside the call, so that none has to wait for it."""
    world = World()
    epochs = world.epochs()
    await epochs.of("acme", *WORK)
    world.epoch = 2
    world.seconds += BOUND_S / 2
    assert await epochs.of("acme", *WORK) == 1
    assert len(world.tasks) == 1
    world.seconds += 0.001
    assert await epochs.of("acme", *WORK) == 1
    await asyncio.gather(*world.tasks)

    assert await epochs.of("acme", *WORK) == 2
