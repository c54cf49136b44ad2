"""A vote around a generator in memory: side by side, each alone, silent ones counted, nothing lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.metrics import REGISTRY
from services.router.answering.voting import Voter
from services.router.core.account import Attempt, Outcome, Usage
from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.request import Request, VotingRule
from services.router.ports import Embedding
from tests.unit.router.choosing import POLICY, decided
from tests.unit.router.requests import SPAN, asking

PANEL = replace(POLICY, providers=("openai", "anthropic"))
TURBO, OPUS, SONNET = "openai-turbo", "anthropic-opus", "anthropic-sonnet"
SILENT = ""


@dataclass
class Mouths:
    """Answers by name of the model: a text, an error, or silence."""

    says: dict[str, str | MeshError]
    asked: list[tuple[Request, Plan]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    all_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return what the model of the plan says, once all have been asked."""
        self.asked.append((request, plan))
        if len(self.asked) == len(self.says):
            self.all_asked.set()
        model = plan.models[0]
        said = self.says[model.name]
        try:
            await self.all_asked.wait()
            if said is SILENT:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(model.name)
            raise
        if isinstance(said, MeshError):
            raise said
        attempt = Attempt(
            model=model,
            outcome=Outcome.WON,
            started_at=SPAN.started_at,
            duration=timedelta(seconds=1),
            usage=Usage(input_tokens=10, output_tokens=5, estimated=False),
            micro_usd=7,
        )
        return Answer(
            text=said,
            plan=plan,
            call_id=f"call-{model.name}",
            provider=model.provider,
            model_version=f"{model.name}@1",
            attempts=(attempt,),
            started=1,
            truncated=False,
        )


@dataclass
class Meaning:
    """Vectors by text; an error where there is none."""

    vectors: dict[str, Sequence[float]] = field(default_factory=dict)
    asked: int = 0

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """Return what the test said."""
        self.asked += 1
        if not self.vectors:
            raise unavailable("EMBEDDING_UNAVAILABLE", "it is down")
        return [Embedding(values=tuple(self.vectors[text]), model="test") for text in texts]


def panel(rule: VotingRule = VotingRule.MAJORITY) -> Plan:
    """Return a plan with three voters: opus, turbo, sonnet."""
    return decided(None, PANEL, strategy="quality", voting_rule=rule)


async def hold(mouths: Mouths, meaning: Meaning | None = None, timeout_s: float = 10.0, **rule: VotingRule) -> Answer:
    """Let everybody vote."""
    voter = Voter(generator=mouths, embedder=meaning or Meaning(), timeout_s=timeout_s, similarity=0.8)
    return await voter.generate(asking(voting_rule=VotingRule.MAJORITY), panel(**rule), "d-1")


@pytest.mark.spec("RTR-19")
async def test_the_majority_decides_and_every_ballot_is_told() -> None:
    """Two of three say the same; the better of both is given with the tries and the cost of all."""
    mouths = Mouths({OPUS: "28 days.", TURBO: "25 days.", SONNET: "25 days"})
    answer = await hold(mouths)

    assert answer.vote is not None
    assert (answer.text, answer.provider, answer.call_id) == ("25 days.", "openai", f"call-{TURBO}")
    assert (answer.vote.agreed, round(answer.vote.consensus, 3)) == (True, 0.667)
    assert [(b.seat.model.name, b.group, b.call_id) for b in answer.vote.ballots] == [
        (OPUS, 1, f"call-{OPUS}"),
        (TURBO, 0, f"call-{TURBO}"),
        (SONNET, 0, f"call-{SONNET}"),
    ]
    assert [attempt.model.name for attempt in answer.attempts] == [OPUS, SONNET, TURBO]
    assert sum(attempt.micro_usd for attempt in answer.attempts) == 21
    assert answer.started == 3
    assert answer.plan.order == ("anthropic", "openai")


@pytest.mark.spec("RTR-19", "T18")
async def test_each_voter_is_asked_alone_and_all_at_once() -> None:
    """A plan with one model, no vote of its own and nobody to join it; none waits for another."""
    mouths = Mouths({OPUS: "a", TURBO: "a", SONNET: "a"})
    await hold(mouths)

    assert [[model.name for model in plan.models] for _, plan in mouths.asked] == [[OPUS], [TURBO], [SONNET]]
    assert all(plan.seats == () and plan.voting_rule is None for _, plan in mouths.asked)
    assert all(request.voting_rule is None for request, _ in mouths.asked)


@pytest.mark.spec("RTR-19")
async def test_three_answers_are_no_consensus() -> None:
    """The best is given, and that nobody agrees with it is told and counted."""
    labels = {"rule": "majority", "agreed": "false"}
    before = REGISTRY.get_sample_value("magistrate_route_votes_total", labels) or 0
    answer = await hold(Mouths({OPUS: "Paris", TURBO: "Lyon", SONNET: "Nice"}))

    assert answer.vote is not None
    assert (answer.vote.agreed, answer.text) == (False, "Paris")
    assert REGISTRY.get_sample_value("magistrate_route_votes_total", labels) == before + 1


@pytest.mark.spec("RTR-19")
async def test_paraphrases_agree_by_meaning_in_one_call() -> None:
    """Answers in other words are compared by their vectors; equal ones need none."""
    one, other = "You have 25 days of leave a year.", "Employees get 25 days of annual leave."
    meaning = Meaning({one: [1.0, 0.0], other: [0.9, 0.436], "No idea": [0.0, 1.0]})
    agreed = await hold(Mouths({OPUS: one, TURBO: other, SONNET: "No idea"}), meaning)
    equal = Meaning()
    await hold(Mouths({OPUS: one, TURBO: one, SONNET: one}), equal)

    assert agreed.vote is not None
    assert (agreed.vote.agreed, meaning.asked, equal.asked) == (True, 1, 0)


@pytest.mark.spec("RTR-19", "ENG-11")
async def test_without_meanings_only_equal_answers_agree_and_it_is_said() -> None:
    """The embedding model being away brings a person in rather than a wrong consensus; the route tells."""
    answer = await hold(Mouths({OPUS: "You have 25 days.", TURBO: "25 days it is.", SONNET: "It is 25 days."}))

    assert answer.vote is not None
    assert not answer.vote.agreed
    assert answer.plan.explanation.endswith("Meaning could not be compared, so only equal answers count as alike.")


@pytest.mark.spec("RTR-19")
async def test_who_fails_or_is_silent_leaves_a_ballot_with_its_reason() -> None:
    """The vote is counted without them and against their weight; a silent one is hung up on."""
    mouths = Mouths({OPUS: unavailable("PROVIDERS_UNAVAILABLE", "down"), TURBO: SILENT, SONNET: "25 days"})
    answer = await hold(mouths, timeout_s=0.05)

    assert answer.vote is not None
    assert [(b.group, b.reason, b.call_id) for b in answer.vote.ballots] == [
        (None, "PROVIDERS_UNAVAILABLE", ""),
        (None, "DEADLINE_EXPIRED", ""),
        (0, "", f"call-{SONNET}"),
    ]
    assert (answer.text, answer.vote.agreed, answer.started) == ("25 days", False, 2)
    assert mouths.cancelled == [TURBO]


@pytest.mark.spec("RTR-19")
async def test_nobody_who_answers_is_an_error_as_for_one() -> None:
    """What the world did comes before what the caller did, since a later call may succeed."""
    too_long = CallerError(Kind.INVALID, "PROMPT_TOO_LONG", "it is too long")
    down = WorldError(
        Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", "down", metadata={"last_reason": "X"}, retry_after_s=3.0
    )
    with pytest.raises(WorldError) as caught:
        await hold(Mouths({OPUS: too_long, TURBO: down, SONNET: too_long}))

    assert (caught.value.reason, caught.value.retry_after_s) == ("PROVIDERS_UNAVAILABLE", 3.0)
    assert caught.value.metadata == {"last_reason": "X", "order": "anthropic,openai", "attempts": "3"}


async def test_a_caller_that_leaves_takes_every_voter_along() -> None:
    """Nobody goes on answering for nobody."""
    mouths = Mouths({OPUS: SILENT, TURBO: SILENT, SONNET: SILENT})
    vote = asyncio.create_task(hold(mouths))
    await mouths.all_asked.wait()
    vote.cancel()
    with pytest.raises(asyncio.CancelledError):
        await vote

    assert sorted(mouths.cancelled) == sorted([OPUS, TURBO, SONNET])


async def test_a_plan_without_seats_goes_on_as_it_is() -> None:
    """One model answers, and there is no vote."""
    plan = decided(None, PANEL, strategy="quality")
    mouths = Mouths({OPUS: "a"})
    voter = Voter(generator=mouths, embedder=Meaning(), timeout_s=1, similarity=0.8)
    answer = await voter.generate(asking(), plan, "d-1")

    assert (answer.vote, mouths.asked) == (None, [(asking(), plan)])


@pytest.mark.spec("RTR-19")
async def test_a_blank_answer_is_an_answer() -> None:
    """It has no meaning to embed, agrees with no other, and breaks nothing."""
    meaning = Meaning({"-": [0.0, 1.0], "25 days": [1.0, 0.0]})
    answer = await hold(Mouths({OPUS: " ", TURBO: "25 days", SONNET: "25 days"}), meaning)

    assert answer.vote is not None
    assert (answer.vote.agreed, answer.text) == (True, "25 days")
