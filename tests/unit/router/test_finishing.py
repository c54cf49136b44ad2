"""A streamed answer, finished: what its reader has is the text of a whole one, however its providers fare."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest

from services.chassis.errors import MeshError
from services.router.answering.finishing import StreamFinisher
from services.router.core import failures
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded
from services.router.core.request import Request
from services.router.ports import Streamed
from tests.unit.router.requests import asking, planned

PLAN = planned(streamed=True)


@dataclass(frozen=True, slots=True)
class Scripted:
    """Yields what a test says, and fails where the last of it is an error."""

    script: tuple[str | Discarded | MeshError, ...]

    async def stream(self, _request: Request, _plan: Plan, _decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Play the script."""
        for event in self.script:
            if isinstance(event, MeshError):
                raise event
            yield event


async def read(*script: str | Discarded | MeshError, plan: Plan = PLAN) -> tuple[list[Streamed], MeshError | None]:
    """Return what a reader gets, and how the stream failed."""
    got: list[Streamed] = []
    try:
        async for event in StreamFinisher(streams=Scripted(script)).stream(asking(), plan, "decision-1"):
            got.append(event)  # noqa: PERF401 - a comprehension would lose what came before the failure
    except MeshError as error:
        return got, error
    return got, None


def discarded(characters: int) -> Discarded:
    """Return the word that so many characters are void."""
    return Discarded(characters=characters, provider="local", reason="STREAM_BROKEN")


@pytest.mark.spec("ENG-26", "PRV-13")
async def test_a_discard_counts_what_the_reader_has() -> None:
    """Not what the provider had written; the new answer is finished from its own begin."""
    got, _ = await read("Answer: 2", "5", discarded(9), "Answer:", " 30")

    assert got == ["2", "5", discarded(2), "30"]


@pytest.mark.spec("ENG-26", "PRV-13")
async def test_what_nobody_has_is_not_discarded() -> None:
    """All that came was held back, so the reader need not know of it."""
    assert await read("Answer:", discarded(7), "30") == (["30"], None)


@pytest.mark.spec("ENG-26", "PRV-13")
async def test_an_answer_that_breaks_off_is_given_as_far_as_it_came() -> None:
    """Also what was held back; the error counts the characters that its reader has, and keeps its cause."""
    cause = failures.stalled("local", 10.0)
    got, error = await read("Answer: 25", "\n<quest", failures.broken("local", 17, cause))

    assert got == ["25", "\n<quest"]
    assert error is not None
    assert dict(error.metadata) == {"provider": "local", "sent_characters": "9", "cause": "DEADLINE_EXPIRED"}


@pytest.mark.spec("ENG-26", "PRV-15")
async def test_an_answer_with_a_schema_stays_as_it_is() -> None:
    """Its blank space may be a part of it."""
    assert await read(" {}", "\n", plan=replace(PLAN, json_schema='{"type": "object"}')) == ([" {}", "\n"], None)
