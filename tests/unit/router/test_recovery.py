"""Who takes over where a provider breaks off."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.catalogue import Capability, Price
from services.router.core.plan import Plan
from services.router.core.recovery import next_leg
from services.router.core.request import Recovery
from services.router.core.spend.reservation import claims_of
from tests.unit.router.requests import POLICY, planned

THREE = planned(replace(POLICY, providers=("local", "openai", "anthropic")))
AFTER = timedelta(seconds=3)


def able(*providers: str) -> Plan:
    """Return the plan, nobody but ``providers`` able to go on from a partial answer."""
    return replace(
        THREE,
        models=tuple(
            replace(model, capabilities=(Capability.CONTINUE,) if model.provider in providers else ())
            for model in THREE.models
        ),
    )


@pytest.mark.spec("PRV-13")
def test_restart_asks_the_rest_of_the_order_anew() -> None:
    """Nobody who had a chance is asked again, and nothing of the partial answer goes along."""
    leg = next_leg(Recovery.RESTART, THREE, {"local"}, "partial", AFTER)
    assert leg is not None
    assert (leg.plan.order, leg.partial, leg.after) == (("openai", "anthropic"), "", AFTER)
    assert next_leg(Recovery.RESTART, THREE, {"local", "openai", "anthropic"}, "partial", AFTER) is None


@pytest.mark.spec("PRV-13")
def test_fail_ends() -> None:
    """Although others remain."""
    assert next_leg(Recovery.FAIL, THREE, {"local"}, "partial", AFTER) is None


@pytest.mark.spec("PRV-13")
def test_continue_asks_those_that_can_with_the_partial_as_it_is() -> None:
    """What was written counts as read from now on, and may not be written again."""
    plan = able("anthropic")
    leg = next_leg(Recovery.CONTINUE, plan, {"local"}, "x" * 40, AFTER)
    assert leg is not None
    assert (leg.plan.order, leg.partial) == (("anthropic",), "x" * 40)
    assert (leg.plan.input_tokens, leg.plan.output_tokens) == (plan.input_tokens + 10, plan.output_tokens - 10)


@pytest.mark.spec("PRV-13")
def test_continue_without_anybody_who_can_restarts() -> None:
    """So it does where nothing was written yet."""
    for plan, partial in ((able(), "partial"), (able("openai"), "")):
        leg = next_leg(Recovery.CONTINUE, plan, {"local"}, partial, AFTER)
        assert leg is not None
        assert (leg.plan.order, leg.partial) == (("openai", "anthropic"), "")


@pytest.mark.spec("PRV-08", "PRV-13")
@given(partial=st.text(max_size=2000), can=st.sets(st.sampled_from(["local", "openai", "anthropic"])))
def test_no_leg_can_cost_more_than_what_was_set_aside_for_its_providers(partial: str, can: set[str]) -> None:
    """So all legs together stay within the reservation, however dense in tokens the text so far is."""
    plan = able(*can)
    leg = next_leg(Recovery.CONTINUE, plan, {"local"}, partial, AFTER)
    assert leg is not None
    set_aside = {claim.provider: claim for claim in claims_of(plan, 500_000)}
    for model in leg.plan.models:
        claim = set_aside[model.provider]
        read = claim.input_tokens + len(leg.partial.encode())
        assert model.price.of(input_tokens=read, output_tokens=leg.plan.output_tokens) <= claim.micro_usd


@pytest.mark.spec("PRV-08", "PRV-13")
@pytest.mark.parametrize(("partial", "rest"), [("x" * 400, 156), ("\u5e74" * 200, 136), ("\u5e74" * 400, 0)])
def test_a_text_that_is_dense_in_tokens_leaves_less_to_write(partial: str, rest: int) -> None:
    """Each byte may be a token to read, at a fifth of a written one; where too little is left, all begins anew."""
    leg = next_leg(Recovery.CONTINUE, able("anthropic"), {"local"}, partial, AFTER)
    assert leg is not None
    assert (leg.partial, leg.plan.output_tokens) == ((partial, rest) if rest else ("", 256))


@pytest.mark.spec("PRV-08", "PRV-13")
def test_what_reading_costs_nothing_is_read_whatever_it_is() -> None:
    """A free model writes all that is left; one that costs for reading alone cannot save by writing less."""
    free = next_leg(Recovery.CONTINUE, able("local"), {"openai", "anthropic"}, "\u5e74" * 400, AFTER)
    plan = able("anthropic")
    reading = Price(input_micro_usd_per_million=1, output_micro_usd_per_million=0)
    models = tuple(replace(model, price=reading) for model in plan.models)
    paid = next_leg(Recovery.CONTINUE, replace(plan, models=models), {"local"}, "x" * 400, AFTER)

    assert free is not None
    assert (free.plan.order, len(free.partial), free.plan.output_tokens) == (("local",), 400, 156)
    assert paid is not None
    assert paid.partial == ""
