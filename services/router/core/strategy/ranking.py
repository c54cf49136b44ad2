"""What a strategy sees, and what it says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.router.core.catalogue import Model
from services.router.core.outlook import Outlook
from services.router.core.request import Request
from services.router.core.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a strategy may weigh."""

    request: Request
    outlook: Outlook
    input_tokens: int
    output_tokens: int
    preferred: tuple[str, ...] = ()
    """Names of models that the field of work prefers while no score is known there."""
    explore_share: float = 0.0
    """Part of the calls whose first model is drawn from the challengers, 0 to 1."""

    def price(self, model: Model) -> int:
        """Return what ``model`` costs in micro-dollars with an answer at its cap."""
        return model.price.of(input_tokens=self.input_tokens, output_tokens=self.output_tokens)

    def standing(self, model: Model) -> Standing | None:
        """Return how ``model`` stands in this field and task; None before its first score."""
        known = self.outlook.standings
        standings = () if known is None else (*([known.champion] if known.champion else []), *known.challengers)
        return next((standing for standing in standings if standing.model == model.name and standing.count), None)

    def quality(self, model: Model) -> float:
        """Return the moving average of its scores, or what the catalogue expects of it before the first."""
        standing = self.standing(model)
        return model.quality if standing is None else standing.ema

    def wait_s(self, model: Model) -> float:
        """Return the longest usual wait for ``model`` in calls of this kind, streamed or whole, as it was measured.

        Before any measurement it is the time to the first token that the catalogue expects. That is less than a whole
        answer takes, so that a model which was never measured is soon tried.
        """
        return self.outlook.hedge_delays_s.get(model.name, model.first_token_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Candidates in the order of a strategy, with its reasons."""

    models: tuple[Model, ...]
    """Best first; a provider may be there several times."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """What was weighed, by name of the model."""
    note: str = ""
    """What was weighed of the request as a whole."""
    propensity: float = 1.0
    """Probability with which this first model came first."""
    explored: bool = False
    champion_version: int = 0
    complexity: float | None = None


Strategy = Callable[[Sequence[Model], Situation], Ranking]
"""Ranks candidates, which come in the order of the configuration; a tie keeps that order."""


def figures(models: Iterable[Model], figure: Callable[[Model], str]) -> Mapping[str, str]:
    """Return the ``figure`` of each model by its name."""
    return {model.name: figure(model) for model in models}
