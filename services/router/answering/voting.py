"""Several models answer side by side, each by its own plan and booking; what most agree on is given."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.chassis import call
from services.chassis.errors import Kind, MeshError, WorldError, of_kind
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.router.core import likeness, vote
from services.router.core.answer import Answer
from services.router.core.plan import Plan
from services.router.core.request import Request
from services.router.core.vote import Seat, Vote
from services.router.ports import Embedder, Generator

_SHARE = 0.9
"""Part of the remaining time in which voters may answer; the rest is for counting."""
_log = get_logger("router", fields=["component"])
_VOTES = counter(
    "magistrate_route_votes_total", "Votes of several models, by rule and whether it was met.", ["rule", "agreed"]
)
_ALIKE_BY_WORDS = "meaning could not be compared, so only equal answers count as alike"


@dataclass(frozen=True, kw_only=True)
class Voter:
    """Implements the Generator port before another one, which asks each voter alone. A plan without seats goes on."""

    generator: Generator
    embedder: Embedder
    timeout_s: float
    """Seconds after which a voter counts as silent."""
    similarity: float
    """Cosine from which two answers mean the same."""

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer that counts, with the vote and the tries of all.

        Raises:
            MeshError: As one voter would, where no one answers.
        """
        if not plan.seats or plan.voting_rule is None:
            return await self.generator.generate(request, plan, decision_id)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(request, plan, seat, decision_id)) for seat in plan.seats]
        said = dict(enumerate(task.result() for task in asked))
        answers = {number: what for number, what in said.items() if isinstance(what, Answer)}
        errors = {number: what for number, what in said.items() if isinstance(what, MeshError)}
        if not answers:
            raise _nobody(plan.seats, errors)
        groups, by_words = await self._groups(answers)
        counted = vote.count(plan.voting_rule, plan.seats, groups, {n: error.reason for n, error in errors.items()})
        _VOTES.labels(counted.rule.value, str(counted.agreed).lower()).inc()
        failed = sum(_tries(error) for error in errors.values())
        return _given(plan, answers, counted, by_words=by_words, failed=failed)

    async def _ask(self, request: Request, plan: Plan, seat: Seat, decision_id: str) -> Answer | MeshError:
        """Return what one voter says; its failure is a ballot, not the end of the vote."""
        alone = replace(request, voting_rule=None)
        try:
            async with asyncio.timeout(self._patience_s()):
                return await self.generator.generate(alone, plan.alone(seat.model), decision_id)
        except MeshError as error:
            return error
        except TimeoutError:
            return WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", f"{seat.model.name} did not answer in time")

    def _patience_s(self) -> float:
        remaining = call.remaining_s()
        return self.timeout_s if remaining is None else min(self.timeout_s, remaining * _SHARE)

    async def _groups(self, answers: Mapping[int, Answer]) -> tuple[Mapping[int, int], bool]:
        """Return the group of each answer by number of the seat, and whether words alone had to tell."""
        texts = [answer.text for answer in answers.values()]
        found = likeness.groups(texts, None, similarity=self.similarity)
        by_words = False
        if len(set(found)) > 1:  # equal answers need no comparing of what they mean
            vectors = await self._meanings(texts)
            by_words = vectors is None
            found = likeness.groups(texts, vectors, similarity=self.similarity)
        return dict(zip(answers, found, strict=True)), by_words

    async def _meanings(self, texts: Sequence[str]) -> list[likeness.Vector] | None:
        """Return a vector for each text from one call; None where the embedding model is away."""
        # A blank text has no meaning to embed; its own pieces would be refused.
        cut = [likeness.pieces(text) if text.strip() else ["-"] for text in texts]
        try:
            vectors = iter(await self.embedder.embed([piece for pieces in cut for piece in pieces]))
        except MeshError as error:
            _log.warning("vote_by_words_alone", reason=error.reason, component="context.embeddings")
            return None
        return [likeness.mean([next(vectors).values for _ in pieces]) for pieces in cut]


def _given(plan: Plan, answers: Mapping[int, Answer], counted: Vote, *, by_words: bool, failed: int) -> Answer:
    """Return the winner's answer with everybody's tries, the winner's own last."""
    winner = answers[counted.winner]
    others = [answer for number, answer in answers.items() if number != counted.winner]
    whole = replace(plan, explanation=f"{plan.explanation} {_ALIKE_BY_WORDS.capitalize()}.") if by_words else plan
    return replace(
        winner,
        plan=whole,
        attempts=(*(attempt for answer in others for attempt in answer.attempts), *winner.attempts),
        started=failed + sum(answer.started for answer in answers.values()),
        reserved_micro_usd=sum(answer.reserved_micro_usd for answer in answers.values()),
        vote=replace(counted, ballots=_with_calls(counted, answers)),
    )


def _tries(error: MeshError) -> int:
    """Return how many tries a voter that gave no answer had started: none where it was refused before."""
    told = error.metadata.get("attempts", "")
    return int(told) if told.isdecimal() else int(error.kind is Kind.DEADLINE)


def _with_calls(counted: Vote, answers: Mapping[int, Answer]) -> tuple[vote.Ballot, ...]:
    return tuple(
        replace(ballot, call_id=answers[number].call_id) if number in answers else ballot
        for number, ballot in enumerate(counted.ballots)
    )


def _nobody(seats: Sequence[Seat], errors: Mapping[int, MeshError]) -> MeshError:
    """Return the error of the first voter that the world let down, since a later call may succeed; else the first."""
    error = next((error for error in errors.values() if isinstance(error, WorldError)), errors[0])
    order = ",".join(dict.fromkeys(seat.model.provider for seat in seats))
    return of_kind(error.kind)(
        error.kind,
        error.reason,
        error.message,
        metadata={**error.metadata, "order": order, "attempts": str(len(seats))},
        violations=error.violations,
        retry_after_s=error.retry_after_s,
    )
