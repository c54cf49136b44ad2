"""The strategies that are one order of all candidates: as configured, by price, by speed, by quality."""

from collections.abc import Sequence

from services.router.core.catalogue import TIERS, Model
from services.router.core.strategy.ranking import Ranking, Situation, figures


def configured(candidates: Sequence[Model], _situation: Situation) -> Ranking:
    """Keep the order of the configuration and of the catalogue (spec row RTR-02)."""
    return Ranking(models=tuple(candidates))


def cost(candidates: Sequence[Model], situation: Situation) -> Ranking:
    """Put the cheapest first; among equals the one of whom more is expected."""
    models = sorted(candidates, key=lambda model: (situation.price(model), -situation.quality(model)))
    return Ranking(models=tuple(models), figures=figures(models, lambda model: dollars(situation.price(model))))


def speed(candidates: Sequence[Model], situation: Situation) -> Ranking:
    """Put the one first that keeps its caller waiting least, measured where it was measured."""
    models = sorted(candidates, key=situation.wait_s)
    return Ranking(models=tuple(models), figures=figures(models, lambda model: _wait(model, situation)))


def quality(candidates: Sequence[Model], situation: Situation) -> Ranking:
    """Put the one first whose answers score best, expected where none was scored; among equals the better tier."""
    models = sorted(candidates, key=lambda model: (-situation.quality(model), TIERS.index(model.tier)))
    return Ranking(models=tuple(models), figures=figures(models, lambda model: score(model, situation)))


def dollars(micro_usd: int) -> str:
    """Return an amount for people."""
    return f"${micro_usd / 1_000_000:.6f}"


def score(model: Model, situation: Situation) -> str:
    """Return the quality of ``model`` for people."""
    standing = situation.standing(model)
    if standing is None:
        return f"quality {model.quality:.2f} expected"
    return f"score {standing.ema:.3f} of {standing.count}"


def _wait(model: Model, situation: Situation) -> str:
    if model.name in situation.outlook.hedge_delays_s:
        return f"wait of {situation.wait_s(model):g} s measured"
    return f"first token in {situation.wait_s(model):g} s expected"
