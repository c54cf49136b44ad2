"""Several models vote on one answer: who sits, which answers are alike, which rule is met (spec row RTR-19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.router.core.catalogue import Model
from services.router.core.request import VotingRule

QUORUM = 2
"""Answers without which there is nothing to agree on: a lone voice is never a consensus."""
HALF = 0.5
CONFIDENT_FROM = 0.7
"""Mean weight of those that agree from which the rule of confidence is met."""
_BY_SCORE = frozenset({VotingRule.WEIGHTED, VotingRule.CONFIDENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A voter and the weight of its voice."""

    model: Model
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What one voter said."""

    seat: Seat
    group: int | None
    """Number of the group of like answers, the one that counts being 0; None where it gave none."""
    reason: str = ""
    """ErrorReason name where it gave none."""
    call_id: str = ""
    """What the ledger knows its try by; empty where it gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """How the voters agreed."""

    rule: VotingRule
    ballots: tuple[Ballot, ...]
    """In the order of the seats."""
    consensus: float
    """Share of the whole weight that stands behind the answer; who gave none stands behind nothing."""
    agreed: bool
    winner: int
    """Number of the seat whose answer is given: the weightiest of the group that counts."""


def seat_all(rule: VotingRule, models: Sequence[tuple[Model, float]]) -> tuple[Seat, ...]:
    """Return a seat for each model with its quality: the weight of its voice where the rule asks for it, else 1."""
    return tuple(Seat(model=model, weight=quality if rule in _BY_SCORE else 1.0) for model, quality in models)


def count(rule: VotingRule, seats: Sequence[Seat], groups: Mapping[int, int], failures: Mapping[int, str]) -> Vote:
    """Return the vote.

    Args:
        rule: By which the voters agree.
        seats: Every voter.
        groups: Group of like answers by number of the seat, for at least one seat.
        failures: ErrorReason name by number of the seat, for all others.
    """
    ranks = _ranked(seats, groups)
    ballots = tuple(
        Ballot(
            seat=seat,
            group=ranks[groups[number]] if number in groups else None,
            reason=failures.get(number, ""),
        )
        for number, seat in enumerate(seats)
    )
    backers = [number for number, ballot in enumerate(ballots) if ballot.group == 0]
    whole = sum(seat.weight for seat in seats)
    consensus = sum(seats[number].weight for number in backers) / whole if whole else 0.0
    return Vote(
        rule=rule,
        ballots=ballots,
        consensus=consensus,
        agreed=len(backers) >= QUORUM and _is_met(rule, [seats[n].weight for n in backers], consensus, len(seats)),
        winner=max(backers, key=lambda number: (seats[number].weight, -number)),
    )


def _ranked(seats: Sequence[Seat], groups: Mapping[int, int]) -> Mapping[int, int]:
    """Return the rank of each group: the weightiest is 0; among equals the one whose first voter sits first."""
    weights: dict[int, float] = {}
    for number in sorted(groups):
        weights[groups[number]] = weights.get(groups[number], 0.0) + seats[number].weight
    ordered = sorted(weights, key=lambda group: -weights[group])
    return {group: rank for rank, group in enumerate(ordered)}


def _is_met(rule: VotingRule, weights: Sequence[float], consensus: float, seats: int) -> bool:
    if rule is VotingRule.UNANIMOUS:
        return len(weights) == seats
    if rule is VotingRule.CONFIDENCE:
        return sum(weights) / len(weights) >= CONFIDENT_FROM
    return consensus > HALF
