"""Contests that the tests of champion and challengers share."""

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random

from services.router.core.champion.change import Change
from services.router.core.champion.contest import Contest, Rules, Word, scored

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(models=frozenset({"a", "b", "c"}))
WORD = Word(by="root", reason="cheaper", at=NOW)


def play(
    scores: Iterable[tuple[str, float]], rules: Rules = RULES, contest: Contest | None = None
) -> tuple[Contest, list[Change]]:
    """Return the contest after all scores, and every change on the way."""
    contest, changes = contest or Contest(), []
    for model, score in scores:
        contest, change = scored(contest, model, score, rules, NOW)
        changes += [change] if change else []
    return contest, changes


def rounds(count: int, **scores: float) -> list[tuple[str, float]]:
    """Return ``count`` times one score for each model."""
    return [*scores.items()] * count


def seeded(seed: int) -> Random:
    """Return dice that fall the same way in every run of the tests."""
    return Random(seed)  # noqa: S311 - nothing secret comes of it
