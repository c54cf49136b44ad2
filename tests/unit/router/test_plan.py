"""The decision before anybody is called: limits, order, admission by size and price, explanation."""

from dataclasses import replace

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from services.chassis.errors import Kind, MeshError
from services.router.core.catalogue import Catalogue
from services.router.core.outlook import Outlook
from services.router.core.plan import Policy, plan
from services.router.core.request import Limits
from services.router.core.spend.reservation import claims_of
from tests.unit.router.requests import POLICY, PROMPTS, SHIPPED, Changes, asking, planned


@pytest.mark.spec("RTR-02", "RTR-20")
def test_the_configured_order_is_kept_and_explained() -> None:
    """Providers, models, template and the reason are all there."""
    route = planned()
    assert route.order == ("local", "openai")
    assert [model.name for model in route.models] == ["smollm2-135m", "gpt-4o-mini"]
    assert route.strategy == "configured"
    assert route.explanation == (
        "strategy configured orders local (smollm2-135m), openai (gpt-4o-mini); local is asked first; "
        "openai joins after 10 s or at once on a failure."
    )


def test_defaults_come_from_limits_and_template() -> None:
    """A request that leaves tokens and temperature open gets 256 and the template's own."""
    assert (planned().output_tokens, planned().temperature) == (256, 0.0)
    assert (planned(max_output_tokens=10).output_tokens, planned(temperature=0.7).temperature) == (10, 0.7)


BAD: dict[str, tuple[Changes, Kind, str]] = {
    "empty": ({"query": ""}, Kind.INVALID, "FIELD_REQUIRED"),
    "blank": ({"query": " \n\t"}, Kind.INVALID, "FIELD_REQUIRED"),
    "5001 characters": ({"query": "a" * 5001}, Kind.INVALID, "FIELD_TOO_LONG"),
    "10001 characters of notes": ({"additional_context": "a" * 10_001}, Kind.INVALID, "FIELD_TOO_LONG"),
    "negative cap": ({"max_output_tokens": -1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "cap too high": ({"max_output_tokens": 4001}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "too cold": ({"temperature": -0.1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "not a number": ({"temperature": float("nan")}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "unknown strategy": ({"strategy": "magic"}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "model without the role": ({"model": "gpt-4"}, Kind.DENIED, "MODEL_OVERRIDE_NOT_ALLOWED"),
    "unknown model": ({"model": "gpt-99", "roles": ("admin",)}, Kind.NOT_FOUND, "MODEL_NOT_FOUND"),
    "model of a provider that is off": (
        {"model": "claude-3-opus", "roles": ("admin",)},
        Kind.NOT_FOUND,
        "MODEL_NOT_FOUND",
    ),
    "prompt too long": ({"context": "a" * 20_000}, Kind.INVALID, "PROMPT_TOO_LONG"),
}


@pytest.mark.spec("PRV-11")
def test_a_prompt_may_have_as_many_tokens_as_are_allowed_and_none_more() -> None:
    """The limit itself is within the limit."""
    policy = replace(POLICY, limits=Limits(prompt_tokens=500))

    def counted(tokens: int) -> int:
        return plan(asking(), policy, SHIPPED, PROMPTS, Outlook(), counted_tokens=tokens).input_tokens

    assert counted(500) == 500
    with pytest.raises(MeshError) as caught:
        counted(501)

    assert (caught.value.reason, caught.value.metadata["limit"]) == ("PROMPT_TOO_LONG", "500")


@pytest.mark.spec("C10", "PRV-11", "RTR-22")
@pytest.mark.parametrize(("changes", "kind", "reason"), BAD.values(), ids=BAD.keys())
def test_a_request_that_breaks_a_limit_is_refused_with_its_reason(changes: Changes, kind: Kind, reason: str) -> None:
    """Before anything is spent."""
    with pytest.raises(MeshError) as caught:
        planned(**changes)

    assert (caught.value.kind, caught.value.reason) == (kind, reason)


def test_the_limits_themselves_are_allowed() -> None:
    """5,000 characters of question and 10,000 of notes pass."""
    policy = replace(POLICY, limits=Limits(prompt_tokens=8_000), providers=("openai",))
    assert plan(asking("a" * 5000, additional_context="b" * 10_000), policy, SHIPPED, PROMPTS, Outlook()).order == (
        "openai",
    )


@pytest.mark.spec("RTR-22")
@pytest.mark.parametrize("role", ["admin", "operator"])
def test_a_named_model_is_the_only_one_asked(role: str) -> None:
    """No fallback betrays the choice of whoever may choose."""
    route = planned(model="gpt-4", roles=(role,))
    assert (route.order, route.strategy) == (("openai",), "override")
    assert route.models[0].name == "gpt-4"


@pytest.mark.spec("PRV-11")
def test_a_model_that_cannot_hold_the_request_is_left_out_and_named() -> None:
    """The next one takes its place; with none left the limit is told."""
    context = "word " * 1500
    route = planned(context=context)
    assert route.order == ("openai",)
    assert "smollm2-135m cannot hold" in route.explanation
    with pytest.raises(MeshError) as caught:
        planned(replace(POLICY, providers=("local",)), context=context)
    assert (caught.value.reason, caught.value.metadata["limit"]) == ("PROMPT_TOO_LONG", "2048")


@pytest.mark.spec("PRV-08", "C15")
def test_a_request_that_could_cost_too_much_is_refused_before_the_call() -> None:
    """The error has the limit and the estimate."""
    limits = Limits(micro_usd=10_000)
    with pytest.raises(MeshError) as caught:
        planned(replace(POLICY, limits=limits), model="gpt-4", roles=("admin",), max_output_tokens=4000)

    assert (caught.value.kind, caught.value.reason) == (Kind.EXHAUSTED, "COST_LIMIT")
    assert caught.value.metadata["limit_micro_usd"] == "10000"
    assert int(caught.value.metadata["estimate_micro_usd"]) > 240_000


@pytest.mark.spec("PRV-08", "T18")
@given(limit=st.integers(0, 2_000_000), cap=st.integers(1, 4000), words=st.integers(0, 500))
def test_all_tries_together_stay_below_the_limit(limit: int, cap: int, words: int) -> None:
    """Even when every provider must be paid for a full answer, each byte a token: what is planned is set aside."""
    dear = Catalogue(models=tuple(SHIPPED.named(name) for name in ("gpt-4", "claude-3-opus", "claude-3-haiku")))
    policy = Policy(
        providers=("openai", "anthropic"), hedge_delay_s=10.0, limits=Limits(micro_usd=limit, prompt_tokens=8000)
    )
    try:
        route = plan(asking("x " * words + "?", max_output_tokens=cap), policy, dear, PROMPTS, Outlook())
    except MeshError as refused:
        assert refused.reason == "COST_LIMIT"  # noqa: PT017 - the other tries are planned
        reject()  # of which there must be enough
    claims = claims_of(route, limit)

    assert [claim.model for claim in claims] == list(route.models)
    assert sum(claim.micro_usd for claim in claims) <= limit


def test_a_counted_prompt_replaces_the_estimate() -> None:
    """A tokenizer's count decides about the limit and the price."""
    assert plan(asking(), POLICY, SHIPPED, PROMPTS, Outlook(), counted_tokens=7).input_tokens == 7
    with pytest.raises(MeshError) as caught:
        plan(asking(), POLICY, SHIPPED, PROMPTS, Outlook(), counted_tokens=4001)
    assert caught.value.metadata == {"tokens": "4001", "limit": "4000"}


@pytest.mark.parametrize(("words", "near"), [(10, False), (1200, True)])
def test_only_a_prompt_that_may_be_above_half_a_limit_is_worth_counting(words: int, near: bool) -> None:
    """A short prompt costs no extra call."""
    assert planned(context="word " * words).is_near_a_limit(4000) is near


def test_nobody_to_ask_is_unavailable() -> None:
    """A provider without a model in the catalogue cannot be asked."""
    with pytest.raises(MeshError) as caught:
        planned(replace(POLICY, providers=("nobody",)))

    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE")
