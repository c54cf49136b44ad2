"""Which model comes first: the champion, or now and then a challenger, so that its scores can be known at all.

The draw is an epsilon-greedy one. Its probability goes with the plan, because scores that were not drawn evenly can be
weighed fairly only by the probability with which each came about (inverse propensity, Horvitz and Thompson 1952).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.router.core.standing import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The model that comes first, and how likely that was."""

    model: str
    propensity: float
    """Exact probability with which this model came first; 1 where there was no choice."""
    explored: bool
    """Whether a challenger came first for the sake of learning."""


def draw_first(standings: Standings | None, candidates: Sequence[str], *, share: float, draw: float) -> Drawn:
    """Return who comes first among ``candidates``, the models that may be asked now, in their configured order.

    Each of the n others gets ``share / n``, the champion what is left. Without a champion, or where it may not be
    asked, the first candidate comes first and nothing is drawn: there is nothing to hold a challenger against.

    Args:
        standings: What was read of the tenant's champion for the domain and task.
        candidates: Names of models, at least one.
        share: Part of all calls that challengers get together, 0 to 1.
        draw: A number drawn evenly from 0 to 1, 1 excluded; 1 itself never explores.
    """
    champion = standings.champion.model if standings and standings.champion else None
    if champion is None or champion not in candidates:
        return Drawn(model=candidates[0], propensity=1.0, explored=False)
    others = [model for model in dict.fromkeys(candidates) if model != champion]
    if not others or share <= 0:
        return Drawn(model=champion, propensity=1.0, explored=False)
    if draw >= share:
        return Drawn(model=champion, propensity=1.0 - share, explored=False)
    # Rounding may make the quotient the whole number of the others; the last of them has that place.
    place = min(int(draw / share * len(others)), len(others) - 1)
    return Drawn(model=others[place], propensity=share / len(others), explored=True)
