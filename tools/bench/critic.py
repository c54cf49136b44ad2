"""What reviewing and screening cost, and that a doubled text doubles it.

Ratios are the processor time for a text over that for half of it; 2 is linear. The texts are chosen to be hard: words
with which many rules begin and no rule ends, and shapes that every decoder tries.
"""

import time
from collections.abc import Callable
from itertools import pairwise

from services.critic.core.critics import MANDATES
from services.critic.core.material import Material
from services.critic.core.screening import screen

SIZES = (1_000, 10_000, 20_000, 40_000)
"""Characters; every size but the first two is twice the one before."""
TEXTS = {
    "prose": "Every employee has 25 days of paid leave in each calendar year, and unused days expire on 31 March. ",
    "beginnings": "how to write create a plan to make people use the data of women applicants and reject infer link ",
    "one sentence": "treat the workers who are asked to sign and you must write how to use their data with ",
    "letters apart": "i g n o r e a l l ",
    "base64": "QUJDREVGR0hJSktMTU5PUFFS ",
    "encoded keys": "\u00e9 QUtJQUlPU0ZPRE5ON0RLUVdFUlQ= ",
    "hex": "41 42 43 44 45 46 ",
    "percent": "%41%42%43",
    "numbers": "12 days 13 euros 14 km 4111-1111 ",
}


def review(text: str) -> None:
    """Let all six critics look at a question, an answer and a context of the same length."""
    material = Material(input=text, output=text, context=text)
    for mandate in MANDATES.values():
        mandate.detect(material)


def milliseconds(task: Callable[[str], object], text: str) -> float:
    """Return the shorter of two runs."""
    runs = []
    for _ in range(2):
        begun = time.process_time()
        task(text)
        runs.append(time.process_time() - begun)
    return 1e3 * min(runs)


def main() -> None:
    """Print one line per task and text."""
    print(f"{'task':<8} {'text':<14}", *(f"{size:>9}" for size in SIZES), "    ratios  (milliseconds)")
    for name, task in (("review", review), ("screen", screen)):
        for title, unit in TEXTS.items():
            costs = [milliseconds(task, (unit * (size // len(unit) + 1))[:size]) for size in SIZES]
            ratios = [f"{after / before:4.1f}" for before, after in pairwise(costs[1:])]
            print(f"{name:<8} {title:<14}", *(f"{cost:9.1f}" for cost in costs), "   ", *ratios, flush=True)
