"""Each strategy over one fixed catalogue: who comes first, who follows, and the numbers behind it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.catalogue import Tier
from services.router.core.outlook import Outlook
from services.router.core.request import Domain, Limits
from services.router.core.strategy import STRATEGIES, Situation, choose
from tests.unit.router.choosing import CATALOGUE, MODELS, POLICY, decided, model, names, standings
from tests.unit.router.requests import Changes, asking

SCORED = standings("anthropic-sonnet", {"anthropic-sonnet": 0.81, "openai-mini": 0.86, "anthropic-haiku": 0.55})
BEST = standings("openai-mini", {"openai-mini": 0.97, "anthropic-opus": 0.3})
LONG = " ".join(["word"] * 51)

GOLDEN: dict[str, tuple[str, Changes, Outlook, list[str]]] = {
    "configured": ("configured", {}, Outlook(), ["local-tiny", "openai-mini", "anthropic-haiku"]),
    "cost": ("cost", {}, Outlook(), ["local-tiny", "anthropic-haiku", "openai-mini"]),
    "speed, expected": ("speed", {}, Outlook(), ["openai-mini", "anthropic-haiku", "local-tiny"]),
    "speed, measured": (
        "speed",
        {},
        Outlook(hedge_delays_s={"openai-mini": 3.0, "openai-turbo": 0.3, "local-tiny": 0.2}),
        ["local-tiny", "openai-turbo", "anthropic-haiku"],
    ),
    "quality, expected": ("quality", {}, Outlook(), ["anthropic-opus", "openai-turbo", "local-tiny"]),
    "quality, scored": (
        "quality",
        {},
        Outlook(standings=BEST),
        ["openai-mini", "anthropic-sonnet", "local-tiny"],
    ),
    "domain without preferences": ("domain", {}, Outlook(), ["local-tiny", "openai-mini", "anthropic-haiku"]),
    "domain, preferred": (
        "domain",
        {"domain": Domain.MARKET},
        Outlook(),
        ["openai-turbo", "anthropic-sonnet", "local-tiny"],
    ),
    "domain, champion": (
        "domain",
        {"domain": Domain.MARKET},
        Outlook(standings=SCORED),
        ["anthropic-sonnet", "openai-mini", "local-tiny"],
    ),
    "adaptive, light": ("adaptive", {}, Outlook(), ["local-tiny", "anthropic-haiku", "openai-mini"]),
    "adaptive, middle": ("adaptive", {"query": LONG}, Outlook(), ["anthropic-sonnet", "openai-turbo", "local-tiny"]),
    "adaptive, strong": (
        "adaptive",
        {"query": f"{LONG} detailed", "tool_count": 4},
        Outlook(),
        ["anthropic-opus", "openai-turbo", "local-tiny"],
    ),
    "adaptive, a user who was badly served": (
        "adaptive",
        {},
        Outlook(success_rate=0.6),
        ["anthropic-sonnet", "openai-turbo", "local-tiny"],
    ),
}


@pytest.mark.spec("RTR-01", "RTR-13", "RTR-15")
@pytest.mark.parametrize(("strategy", "changes", "outlook", "expected"), GOLDEN.values(), ids=GOLDEN.keys())
def test_each_strategy_has_its_order(strategy: str, changes: Changes, outlook: Outlook, expected: list[str]) -> None:
    """One model a provider, the fitting one; the same input gives the same order."""
    asked: Changes = {**changes, "strategy": strategy}
    made = decided(outlook, **asked)
    assert names(made) == expected
    assert made == decided(outlook, **asked)


@pytest.mark.spec("RTR-20")
@pytest.mark.parametrize(
    ("strategy", "outlook", "parts"),
    [
        ("cost", Outlook(), ["strategy cost orders local (local-tiny: $0.000000)", "openai (openai-mini: $0.00016"]),
        ("speed", Outlook(hedge_delays_s={"openai-mini": 0.25}), ["wait of 0.25 s measured", "0.5 s expected"]),
        ("quality", Outlook(standings=BEST), ["score 0.970 of 20", "quality 0.20 expected"]),
        (
            "domain",
            Outlook(standings=SCORED),
            ["(anthropic-sonnet: champion, score 0.810 of 20)", "champion of general/analysis, version 7"],
        ),
        ("domain", Outlook(), ["no champion for general/analysis yet"]),
        (
            "adaptive",
            Outlook(success_rate=0.5),
            ["complexity 0.3 (50% of the user's answers were good) asks for a middle model", "standard, $0.0019"],
        ),
    ],
)
def test_every_choice_says_its_numbers(strategy: str, outlook: Outlook, parts: list[str]) -> None:
    """The explanation and the reasons carry what was weighed."""
    made = decided(outlook, strategy=strategy)
    for part in parts:
        assert part in made.explanation
    assert all(made.figures[model.name] for model in made.models)


@pytest.mark.spec("RTR-07", "RTR-24")
def test_a_drawn_challenger_comes_first_with_its_probability() -> None:
    """The plan carries version, propensity and that it explored; the champion follows where another has come first."""
    explored = decided(
        Outlook(standings=SCORED, draw=0.0), replace(POLICY, explore_share=0.1), strategy="domain", domain=Domain.MARKET
    )
    kept = decided(Outlook(standings=SCORED, draw=0.5), replace(POLICY, explore_share=0.1), strategy="domain")

    assert (explored.explored, explored.propensity, explored.champion_version) == (True, 0.1 / 5, 7)
    assert explored.models[0].name == "openai-mini"
    assert explored.models[1].name == "anthropic-sonnet"
    assert "a challenger was drawn with probability 0.02" in explored.explanation
    assert (kept.explored, kept.propensity, kept.models[0].name) == (False, 0.9, "anthropic-sonnet")


@pytest.mark.spec("RTR-24")
@pytest.mark.parametrize("strategy", sorted(STRATEGIES.keys() - {"domain"}))
def test_only_the_strategy_that_reads_the_champion_names_its_version(strategy: str) -> None:
    """No other strategy draws or explores."""
    made = decided(Outlook(standings=SCORED, draw=0.0), replace(POLICY, explore_share=0.5), strategy=strategy)
    assert (made.champion_version, made.propensity, made.explored) == (0, 1.0, False)


@pytest.mark.spec("RTR-15", "RTR-16")
def test_near_the_cap_cheaper_models_come_first() -> None:
    """Who costs more than a tenth of what is left stands back, and what is left is said."""
    rich = decided(Outlook(remaining_micro_usd=10_000_000), strategy="quality")
    poor = decided(Outlook(remaining_micro_usd=15_000), strategy="quality")

    assert names(rich)[0] == "anthropic-opus"
    assert names(poor) == ["openai-mini", "anthropic-haiku", "local-tiny"]
    assert "stand back" not in rich.explanation
    assert (
        "openai-turbo, anthropic-sonnet stand back: the budget leaves $0.015000, less than 10 such" in poor.explanation
    )


@pytest.mark.spec("RTR-16", "RTR-24")
def test_who_stands_back_is_not_drawn_and_keeps_its_place_behind() -> None:
    """A challenger is drawn among those who may come first; behind them the champion stays before its challengers."""
    scores = standings("openai-mini", {"openai-mini": 0.8, "anthropic-opus": 0.7, "openai-turbo": 0.6})
    outlook = Outlook(standings=scores, draw=0.0, remaining_micro_usd=15_000)
    made = choose(
        STRATEGIES["domain"],
        MODELS,
        Situation(request=asking(), outlook=outlook, input_tokens=67, output_tokens=256, explore_share=0.3),
        stretch=10,
    )
    cheap = ("local-tiny", "openai-mini", "anthropic-haiku")
    ordered = [model.name for model in made.ranking.models]

    assert set(ordered[:3]) == set(cheap)
    assert (made.ranking.explored, made.ranking.propensity) == (True, 0.15)
    assert ordered[3:] == ["anthropic-opus", "openai-turbo", "anthropic-sonnet"]


@pytest.mark.spec("RTR-16")
def test_a_model_stands_back_only_where_the_budget_is_too_small() -> None:
    """Ten times its price is enough, a micro-dollar less is not."""
    price = 12_920  # of opus for 67 + 256 tokens

    def first(remaining: int) -> str:
        outlook = Outlook(remaining_micro_usd=remaining)
        situation = Situation(request=asking(), outlook=outlook, input_tokens=67, output_tokens=256)
        return choose(STRATEGIES["quality"], MODELS, situation, stretch=10).ranking.models[0].name

    assert (first(10 * price), first(10 * price - 1)) == ("anthropic-opus", "openai-turbo")


def test_ties_go_to_the_better_and_then_to_the_better_tier() -> None:
    """Equal prices: the one of whom more is expected. Equal quality: the higher tier."""
    plain = model("local-a", Tier.FAST, 5, 0.4, 1.0)
    good = model("openai-b", Tier.FAST, 5, 0.6, 1.0)
    noble = model("openai-c", Tier.PREMIUM, 5, 0.6, 1.0)
    situation = Situation(request=asking(), outlook=Outlook(), input_tokens=1, output_tokens=1)

    assert STRATEGIES["cost"]([plain, good], situation).models == (good, plain)
    assert STRATEGIES["quality"]([good, noble, plain], situation).models == (noble, good, plain)


@pytest.mark.spec("RTR-16")
def test_what_the_budget_cannot_pay_at_all_is_left_out() -> None:
    """The free model remains; with none that is cheap enough the cheapest remains, for the books to refuse."""
    spent = Outlook(remaining_micro_usd=0)
    made = decided(spent, strategy="quality")
    alone = decided(spent, replace(POLICY, providers=("openai", "anthropic")), strategy="quality")

    assert names(made) == ["local-tiny"]
    assert "anthropic-opus could cost more than the 0 micro-dollars that the budget leaves" in made.explanation
    assert names(alone) == ["anthropic-haiku"]


def test_an_order_has_a_model_for_each_provider_and_a_second_try_where_the_first_is_dear() -> None:
    """A provider whose best model cannot be paid beside the others offers a cheaper one."""
    made = decided(None, replace(POLICY, limits=Limits(micro_usd=30_000)), strategy="quality")
    assert names(made) == ["anthropic-opus", "openai-mini", "local-tiny"]
    assert "openai-turbo could cost" in made.explanation


@pytest.mark.spec("RTR-01")
@given(
    strategy=st.sampled_from(sorted(STRATEGIES)),
    away=st.frozensets(st.sampled_from(["local", "openai"])),
    remaining=st.one_of(st.none(), st.integers(0, 1_000_000)),
    draw=st.floats(0, 1),
    success=st.one_of(st.none(), st.floats(0, 1)),
    scores=st.dictionaries(st.sampled_from([m.name for m in MODELS]), st.floats(0, 1)),
)
def test_whatever_the_world_is_like_an_order_is_sound(  # noqa: PLR0917 - Hypothesis gives them by name
    strategy: str,
    away: frozenset[str],
    remaining: int | None,
    draw: float,
    success: float | None,
    scores: dict[str, float],
) -> None:
    """Each provider once, nobody who is away, only models of the catalogue, and a reason for each."""
    outlook = Outlook(
        away=away,
        remaining_micro_usd=remaining,
        draw=draw,
        success_rate=success,
        standings=standings(next(iter(scores), None), scores),
    )
    made = decided(outlook, replace(POLICY, explore_share=0.2), strategy=strategy)

    assert len(set(made.order)) == len(made.order) >= 1
    assert away.isdisjoint(made.order)
    assert set(made.models) <= set(CATALOGUE.models)
    assert strategy == "configured" or made.figures.keys() >= {model.name for model in made.models}
    assert 0 < made.propensity <= 1
    for provider in away:
        assert f"{provider} is away" in made.explanation
