"""The champion of the field and task first, then its challengers (spec rows RTR-01, RTR-07 and RTR-24)."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.router.core.catalogue import Model
from services.router.core.exploration import draw_first
from services.router.core.strategy.orders import score
from services.router.core.strategy.ranking import Ranking, Situation, figures


def domain(candidates: Sequence[Model], situation: Situation) -> Ranking:
    """Put the champion first, or now and then a challenger; then the scored by score, the preferred, the rest.

    Before the first score of the field and task its preferred models come first, as the catalogue says.
    """
    standings = situation.outlook.standings
    models = sorted(candidates, key=_Place(situation).of)
    drawn = draw_first(
        standings, [model.name for model in models], share=situation.explore_share, draw=situation.outlook.draw
    )
    models.sort(key=lambda model: model.name != drawn.model)
    return Ranking(
        models=tuple(models),
        figures=figures(models, lambda model: _figure(model, situation)),
        note=_note(situation, explored=drawn.explored, propensity=drawn.propensity),
        propensity=drawn.propensity,
        explored=drawn.explored,
        champion_version=standings.version if standings else 0,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Says where a model belongs; what is equal keeps the order of the configuration."""

    situation: Situation

    def of(self, model: Model) -> tuple[int, float]:
        standing = self.situation.standing(model)
        if _is_champion(model, self.situation):
            return 0, 0.0
        if standing is not None:
            return 1, -standing.ema
        if model.name in self.situation.preferred:
            return 2, float(self.situation.preferred.index(model.name))
        return 3, 0.0


def _is_champion(model: Model, situation: Situation) -> bool:
    standings = situation.outlook.standings
    return standings is not None and standings.champion is not None and standings.champion.model == model.name


def _figure(model: Model, situation: Situation) -> str:
    if _is_champion(model, situation):
        return f"champion, {score(model, situation)}"
    if situation.standing(model):
        return score(model, situation)
    return "preferred" if model.name in situation.preferred else "not scored yet"


def _note(situation: Situation, *, explored: bool, propensity: float) -> str:
    place = f"{situation.request.domain}/{situation.request.task}"
    standings = situation.outlook.standings
    if standings is None or standings.champion is None:
        return f"no champion for {place} yet"
    drawn = f", a challenger was drawn with probability {propensity:g}" if explored else ""
    return f"champion of {place}, version {standings.version}{drawn}"
