"""What routing by complexity saves on a mixed trace, and what planning a call takes.

The real planner decides over the shipped catalogue; nobody is called. The traces are drawn with a fixed seed from the
mixes below, whose shares, lengths and histories are declared, not measured: another mix gives another saving. Costs are
those of the first model with the drawn length of the answer. The quality beside them is what the catalogue expects of
the models, not a measurement of answers: cheaper routing is worth its saving only where the lighter models are good
enough, which the scores of the champion tables tell.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.core.catalogue import Catalogue
from services.router.core.outlook import Outlook
from services.router.core.plan import Policy, plan
from services.router.core.request import Domain, Limits, Request, Task
from tools.bench.table import table

REQUESTS = 2_000
SEED = 20260101
ROUNDS = 3
_KINDS_TOLD = """
  everyday  demanding  words    answer   tools
    60 %      15 %      5-40     20-150   0-2   a short question
    20 %      25 %     51-150    80-300   0-3   a long question
    10 %      10 %     10-50     80-400   0-3   a short one that asks for something complex, detailed or comprehensive
     7 %      45 %     51-250   200-800   4-8   a long one that asks for such a thing, with tools
     3 %       5 %      5-40     20-150   0-2   a short question of a user whose answers were mostly bad
"""
_MIXES = {"everyday": (60, 20, 10, 7, 3), "demanding": (15, 25, 10, 45, 5)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    words: tuple[int, int]
    answer: tuple[int, int]
    tools: tuple[int, int]
    keyword: bool = False
    success_rate: float = 0.9


_KINDS = (
    _Kind(words=(5, 40), answer=(20, 150), tools=(0, 2)),
    _Kind(words=(51, 150), answer=(80, 300), tools=(0, 3)),
    _Kind(words=(10, 50), answer=(80, 400), tools=(0, 3), keyword=True),
    _Kind(words=(51, 250), answer=(200, 800), tools=(4, 8), keyword=True),
    _Kind(words=(5, 40), answer=(20, 150), tools=(0, 2), success_rate=0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    request: Request
    outlook: Outlook
    answer_tokens: int


def main() -> None:
    """Print cost, expected quality and planning time of always-strong, adaptive and always-cheapest."""
    print(f"{REQUESTS} requests, seed {SEED}, of two mixes:{_KINDS_TOLD}")
    catalogue = read_catalogue(CATALOGUE)
    for mix, shares in _MIXES.items():
        calls = list(_trace(random.Random(SEED), shares))  # noqa: S311 - a trace, no secret
        for providers in (("openai", "anthropic"), ("local", "openai", "anthropic")):
            _compare(mix, calls, catalogue, providers)


def _compare(mix: str, calls: Sequence[_Call], catalogue: Catalogue, providers: tuple[str, ...]) -> None:
    strategies = {"always strong": "quality", "adaptive": "adaptive", "always cheapest": "cost"}
    rows = {name: _measure(calls, catalogue, providers, strategy) for name, strategy in strategies.items()}
    print(f"{mix} mix, providers {', '.join(providers)}")
    print(table(("$ / 1000 requests", "expected quality", "planning us"), rows), end="")
    saving = 1 - rows["adaptive"][0] / rows["always strong"][0]
    print(f"adaptive costs {saving:.0%} less than always strong; 20 to 30 % or more are asked for\n")


def _trace(draw: random.Random, shares: Sequence[int]) -> Iterator[_Call]:
    for kind in draw.choices(_KINDS, weights=shares, k=REQUESTS):
        words = ["word"] * draw.randint(*kind.words)
        if kind.keyword:
            words[0] = draw.choice(("complex", "detailed", "comprehensive"))
        yield _Call(
            request=Request(
                query=" ".join(words),
                domain=draw.choice(list(Domain)),
                task=draw.choice(list(Task)),
                tool_count=draw.randint(*kind.tools),
                max_output_tokens=1_000,
            ),
            outlook=Outlook(success_rate=kind.success_rate),
            answer_tokens=draw.randint(*kind.answer),
        )


def _measure(
    calls: Sequence[_Call], catalogue: Catalogue, providers: tuple[str, ...], strategy: str
) -> tuple[float, float, float]:
    """Return dollars for 1000 requests, mean expected quality, and microseconds a plan, the best of some rounds."""
    policy = Policy(providers=providers, hedge_delay_s=10.0, limits=Limits(), strategy=strategy)
    templates = read_templates(TEMPLATES)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        plans = [plan(call.request, policy, catalogue, templates, call.outlook) for call in calls]
        took.append((time.perf_counter() - began) / len(calls))
    costs = (
        made.models[0].price.of(input_tokens=made.input_tokens, output_tokens=call.answer_tokens)
        for made, call in zip(plans, calls, strict=True)
    )
    dollars = sum(costs) / len(calls) * 1_000 / 1_000_000
    return dollars, fmean(made.models[0].quality for made in plans), min(took) * 1_000_000
