"""A stream whose provider breaks off: what the reader gets, who is asked next, and what is booked."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, MeshError, WorldError, unavailable
from services.router.answering.streaming import Streamer
from services.router.caching.stream import CachedStream
from services.router.core.account import Outcome
from services.router.core.answer import Answer
from services.router.core.breakers import Verdict, judge
from services.router.core.catalogue import Capability
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded, Leg
from services.router.core.request import Recovery
from services.router.ports import Piece, Reply, Unanswered
from tests.unit.router.requests import SHIPPED, asking, planned
from tests.unit.router.test_booking import USED, Room, ended, says

THREE = replace(
    planned(streamed=True), models=tuple(map(SHIPPED.named, ("smollm2-135m", "gpt-4o-mini", "claude-3-haiku")))
)
CUT = unavailable("STREAM_BROKEN", "cut")
DOWN = unavailable("PROVIDER_UNAVAILABLE", "down")
LATE = WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", "late")
STALL = None
Ending = MeshError | None | str
Script = Sequence[tuple[str, Sequence[str], Ending]]


@dataclass(slots=True)
class Scripted:
    """Providers of which the next in turn sends its texts and then fails, stalls, or ends whole."""

    script: Script
    legs: list[Leg] = field(default_factory=list)
    closed: int = 0
    attempts: int = 1

    async def stream(self, leg: Leg, _call_id: str) -> AsyncGenerator[Piece | Reply, None]:
        """Play the next line of the script."""
        provider, texts, ending = self.script[len(self.legs)]
        self.legs.append(leg)
        try:
            for text in texts:
                yield Piece(text=text, provider=provider, attempts=self.attempts)
            if isinstance(ending, MeshError):
                raise Unanswered(ending, provider=provider, attempts=self.attempts)
            if ending is STALL:
                await asyncio.Event().wait()
            yield Reply(
                text="",
                provider=provider,
                model_version="",
                usage=USED,
                truncated=False,
                attempts=self.attempts,
                duration=timedelta(seconds=0.1),
            )
        finally:
            self.closed += 1

    async def generate(self, plan: Plan, call_id: str) -> Reply:
        """Never asked."""
        raise NotImplementedError

    async def count_tokens(self, plan: Plan) -> int:
        """Never asked."""
        raise NotImplementedError


@dataclass(slots=True)
class Read:
    """What a reader got."""

    events: list[str | Discarded] = field(default_factory=list)
    answer: Answer | None = None
    error: MeshError | None = None

    @property
    def text(self) -> str:
        """Return what is left to a reader that follows the protocol."""
        kept: list[str] = []
        for event in self.events:
            if isinstance(event, Discarded):
                assert event.characters == len("".join(kept))
                kept.clear()
            else:
                kept.append(event)
        return "".join(kept)


@dataclass(slots=True)
class Counting:
    """Remembers whose answers broke off."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def broke_off(self, plan: Plan, provider: str, call_id: str) -> None:
        """Remember."""
        assert call_id
        self.seen.append((plan.model_of(provider).name, provider))


async def read(
    providers: Scripted,
    recovery: Recovery | None = None,
    plan: Plan = THREE,
    room: Room | None = None,
    faults: Counting | None = None,
) -> Read:
    """Read a whole stream."""
    room, got = room or Room(), Read()
    streamer = Streamer(providers=providers, books=room.keeper, idle_s=0.05, faults=faults)
    await room.open()  # it enters the call of ada at acme
    try:
        async for event in streamer.stream(asking(recovery=recovery), plan, "decision-1"):
            if isinstance(event, Answer):
                got.answer = event
            else:
                got.events.append(event)
    except MeshError as error:
        got.error = error
    return got


def continuing(*providers: str) -> Plan:
    """Return the plan, nobody but ``providers`` able to go on from a partial answer."""
    return replace(
        THREE,
        models=tuple(
            replace(model, capabilities=(Capability.CONTINUE,) if model.provider in providers else ())
            for model in THREE.models
        ),
    )


@pytest.mark.spec("PRV-13", "RTR-02")
@pytest.mark.parametrize("ending", [CUT, DOWN, STALL], ids=["cut", "error", "stall"])
async def test_restart_discards_and_begins_anew_with_the_next(ending: Ending) -> None:
    """The reader that follows the protocol has one whole answer, the route tells the recovery and the failed leg."""
    providers = Scripted([("local", ["Old ", "text"], ending), ("openai", ["New ", "answer."], "whole")])
    got = await read(providers)

    assert got.events == [
        "Old ",
        "text",
        Discarded(characters=8, provider="local", reason="STREAM_BROKEN"),
        "New ",
        "answer.",
    ]
    assert got.text == "New answer."
    assert got.answer is not None
    assert (got.answer.recoveries, got.answer.started, got.answer.provider) == (1, 2, "openai")
    assert [(one.model.provider, one.outcome) for one in got.answer.attempts] == [
        ("local", Outcome.FAILED),
        ("openai", Outcome.WON),
    ]
    assert [leg.plan.order for leg in providers.legs] == [("local", "openai", "anthropic"), ("openai", "anthropic")]
    assert providers.closed == 2


@pytest.mark.spec("PRV-13")
async def test_continue_goes_on_where_the_text_ended_character_by_character() -> None:
    """Umlauts, an emoji of several code points and a combining accent at the seam: nothing doubled, nothing lost."""
    whole = "Grüße 👩‍🔬 e\u0301té — 東京"
    for seam in range(1, len(whole)):
        providers = Scripted([("local", list(whole[:seam]), CUT), ("anthropic", list(whole[seam:]), "whole")])
        got = await read(providers, Recovery.CONTINUE, continuing("anthropic"))

        assert got.text == whole
        assert providers.legs[1].partial == whole[:seam]
        assert providers.legs[1].plan.order == ("anthropic",)


@pytest.mark.spec("PRV-13")
async def test_a_continuation_that_fails_before_it_begins_gives_way_to_a_restart() -> None:
    """The others of the order are asked anew, and the reader is told."""
    providers = Scripted([("local", ["Half"], CUT), ("anthropic", [], DOWN), ("openai", ["Whole."], "whole")])
    got = await read(providers, Recovery.CONTINUE, continuing("anthropic"))

    assert got.text == "Whole."
    assert [leg.plan.order for leg in providers.legs[1:]] == [("anthropic",), ("openai",)]
    assert providers.legs[2].partial == ""


@pytest.mark.spec("PRV-13", "T18")
async def test_fail_keeps_the_partial_and_says_how_much_there_is() -> None:
    """Nobody else is asked."""
    providers = Scripted([("local", ["Half"], CUT)])
    got = await read(providers, Recovery.FAIL)

    assert (got.text, len(providers.legs)) == ("Half", 1)
    assert got.error is not None
    assert (got.error.kind, got.error.reason) == (Kind.UNAVAILABLE, "STREAM_BROKEN")
    assert got.error.metadata["sent_characters"] == "4"


@pytest.mark.spec("T17", "T18")
async def test_each_provider_has_one_chance() -> None:
    """Three that all break off are three legs; then the stream ends."""
    providers = Scripted([(name, ["Half"], CUT) for name in ("local", "openai", "anthropic")])
    got = await read(providers)

    assert [leg.plan.order[0] for leg in providers.legs] == ["local", "openai", "anthropic"]
    assert got.error is not None
    assert got.error.reason == "STREAM_BROKEN"


@pytest.mark.spec("T18")
async def test_whoever_was_overtaken_is_not_asked_again() -> None:
    """Where the second of two tries won and broke off, only the third provider is left."""
    providers = Scripted([("openai", ["Half"], STALL), ("anthropic", ["Whole."], "whole")], attempts=2)
    got = await read(providers)

    assert got.text == "Whole."
    assert providers.legs[1].plan.order == ("anthropic",)


@pytest.mark.spec("RTR-04")
async def test_a_deadline_in_the_middle_is_a_deadline() -> None:
    """No other provider is begun with when the time is over."""
    providers = Scripted([("local", ["Half"], LATE)])
    got = await read(providers)

    assert (len(providers.legs), got.error and got.error.kind) == (1, Kind.DEADLINE)


@pytest.mark.spec("T29", "RTR-17")
async def test_a_deadline_in_the_middle_speaks_against_no_provider() -> None:
    """However often a hasty caller's time ends while an answer is written: nobody else's calls lose the provider."""
    told = replace(ended(Outcome.CANCELLED), first_token_after=timedelta(seconds=0.1))
    room = Room(local=[says(told)], openai=[says()], anthropic=[says()])
    await read(Scripted([("local", ["Half"], LATE)]), room=room)
    await room.ends()
    (attempt,) = room.watching.seen

    assert judge(attempt, overtaken_s=1.0, stall_s=1.0) is Verdict.NOTHING


@pytest.mark.spec("PRV-13", "RTR-07", "T29")
@pytest.mark.parametrize(
    ("script", "blamed"),
    [
        ([("local", ["Half"], CUT), ("openai", ["Half"], STALL), ("anthropic", ["Whole."], "whole")], 2),
        ([("local", ["Whole."], "whole")], 0),
        ([("local", [], DOWN)], 0),
        ([("local", ["Half"], LATE)], 0),
    ],
    ids=["broken twice", "whole", "never began", "too late"],
)
async def test_each_answer_that_breaks_off_is_counted_once(script: Script, blamed: int) -> None:
    """Whoever failed inside its stream, and nobody else: neither a refusal before it nor the caller's own time."""
    counting = Counting()
    await read(Scripted(script), faults=counting)

    assert counting.seen == [("smollm2-135m", "local"), ("gpt-4o-mini", "openai")][:blamed]


@pytest.mark.spec("RTR-02")
async def test_an_order_that_gave_nothing_is_not_taken_up_again() -> None:
    """The proxy has been through all of it."""
    providers = Scripted([("anthropic", [], DOWN)], attempts=3)
    got = await read(providers)

    assert (len(providers.legs), got.error and got.error.reason) == (1, "PROVIDERS_UNAVAILABLE")


@pytest.mark.spec("PRV-20")
async def test_a_reader_that_leaves_in_the_second_leg_takes_it_along() -> None:
    """The provider's stream is closed, and every try is booked once."""
    room = Room()
    providers = Scripted([("local", ["Half"], CUT), ("openai", ["New ", "more"], "whole")])
    await room.open()
    streamer = Streamer(providers=providers, books=room.keeper)
    stream = streamer.stream(asking(), THREE, "decision-1")
    assert [await anext(stream) for _ in range(3)][2] == "New "
    await stream.aclose()
    booked = await room.ends()

    assert providers.closed == 2
    assert [provider for provider, _ in booked] == ["local", "openai", "anthropic"]


@dataclass(slots=True)
class Keeping:
    """A cache that has nothing and remembers what it is given to keep."""

    kept_texts: list[str] = field(default_factory=list)
    store: Any = field(default_factory=lambda: SimpleNamespace(clock=SystemClock()))

    async def asking(self, *_: object) -> Any:
        """Say that the answer may be kept, but none is there."""
        return SimpleNamespace(uses=SimpleNamespace(shares=False))

    def kept(self, _asking: object, answer: Answer, *_: object) -> None:
        """Remember its text."""
        self.kept_texts.append(answer.text)


@pytest.mark.spec("PRV-13", "RTR-18")
async def test_what_was_discarded_is_not_kept_in_the_cache() -> None:
    """The next caller gets the whole answer, without the broken leg's text before it."""
    room, cache = Room(), Keeping()
    await room.open()
    providers = Scripted([("local", ["Old"], CUT), ("openai", ["New ", "answer."], "whole")])
    streamer = Streamer(providers=providers, books=room.keeper)
    cached = CachedStream(inner=streamer, cache=cache)  # type: ignore[arg-type]  # it is asked nothing else
    async for _ in cached.stream(asking(streamed=True), THREE, "decision-1"):
        pass

    assert cache.kept_texts == ["New answer."]
