"""The reason for a choice in one sentence, with the numbers it rests on (spec row RTR-20)."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.router.core.catalogue import Model
from services.router.core.strategy import Choice

if TYPE_CHECKING:
    from services.router.core.plan import Plan  # a plan explains itself by this page


def explain(plan: "Plan", choice: Choice, *, wanted: int) -> str:
    """Return why ``plan`` asks whom it asks; ``wanted`` voters would have been asked where there is a vote."""
    return "; ".join(_parts(plan, choice, wanted)) + "."


def _parts(plan: "Plan", choice: Choice, wanted: int) -> Iterator[str]:
    if plan.strategy == "override":
        yield choice.ranking.note
    else:
        yield f"strategy {plan.strategy} orders {_names(plan)}"
        if choice.ranking.note:
            yield choice.ranking.note
    yield from _vote(plan, wanted) if plan.seats else _order(plan)
    if choice.why:
        yield choice.why
    yield from (left_out.why for left_out in plan.left_out)


def _names(plan: "Plan") -> str:
    return ", ".join(f"{model.provider} ({_weighed(plan, model)})" for model in plan.models)


def _weighed(plan: "Plan", model: Model) -> str:
    figure = plan.figures.get(model.name)
    return f"{model.name}: {figure}" if figure else model.name


def _order(plan: "Plan") -> Iterator[str]:
    first, *others = plan.order
    yield f"{first} is asked first"
    if others:
        delay_s = plan.hedge_delay_s
        when = "on a failure" if math.isinf(delay_s) else f"after {delay_s:g} s or at once on a failure"
        yield f"{', then '.join(others)} joins {when}"


def _vote(plan: "Plan", wanted: int) -> Iterator[str]:
    names = ", ".join(seat.model.name for seat in plan.seats)
    few = f", {wanted} were wanted" if len(plan.seats) < wanted else ""
    yield f"{len(plan.seats)} vote by the rule {plan.voting_rule}{few}: {names}"
