"""Money is exact, never negative, and never rounded in our favour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError
from services.router.core.catalogue import UNKNOWN_PRICE, Capability, Price
from tests.unit.router.requests import SHIPPED

COUNTS = st.integers(0, 1_000_000)
PRICES = st.builds(
    Price, input_micro_usd_per_million=st.integers(0, 10**9), output_micro_usd_per_million=st.integers(0, 10**9)
)


@pytest.mark.spec("PRV-06")
def test_the_golden_price() -> None:
    """gpt-4-turbo with 1000 prompt and 500 completion tokens costs 2.5 cents (spec 10)."""
    assert SHIPPED.named("gpt-4-turbo").price.of(input_tokens=1000, output_tokens=500) == 25_000


@pytest.mark.spec("PRV-06")
@pytest.mark.parametrize(
    ("model", "thousand_in", "thousand_out"),
    [
        ("gpt-4-turbo", 10_000, 30_000),
        ("gpt-4", 30_000, 60_000),
        ("gpt-3.5-turbo", 500, 1_500),
        ("claude-3-opus", 15_000, 75_000),
        ("claude-3-sonnet", 3_000, 15_000),
        ("claude-3-haiku", 250, 1_250),
    ],
)
def test_the_price_table(model: str, thousand_in: int, thousand_out: int) -> None:
    """The catalogue holds the prices of spec 4, in micro-dollars a thousand tokens."""
    price = SHIPPED.named(model).price
    assert price.of(input_tokens=1000, output_tokens=0) == thousand_in
    assert price.of(input_tokens=0, output_tokens=1000) == thousand_out


@given(price=PRICES, tokens_in=COUNTS, tokens_out=COUNTS)
def test_a_price_is_the_exact_one_rounded_up(price: Price, tokens_in: int, tokens_out: int) -> None:
    """Never less than the exact price, and less than one micro-dollar more."""
    millionths = tokens_in * price.input_micro_usd_per_million + tokens_out * price.output_micro_usd_per_million
    assert 0 <= price.of(input_tokens=tokens_in, output_tokens=tokens_out) * 1_000_000 - millionths < 1_000_000


def test_a_model_that_nobody_priced_is_not_free() -> None:
    """A configured model beyond the catalogue is booked at 1 and 3 cents a thousand tokens (spec 4)."""
    catalogue = SHIPPED.preferring({"openai": "my-own-finetune"})
    model = catalogue.offered(["openai"])[0]
    assert (model.name, model.price) == ("my-own-finetune", UNKNOWN_PRICE)
    assert model.capabilities == (Capability.STREAM,)
    assert UNKNOWN_PRICE.of(input_tokens=1000, output_tokens=1000) == 40_000


def test_a_configured_model_of_the_catalogue_keeps_its_price() -> None:
    """Preferring a model moves it to the front and changes nothing else."""
    catalogue = SHIPPED.preferring({"openai": "gpt-4"})
    assert catalogue.offered(["openai"])[0] == SHIPPED.named("gpt-4")
    assert sorted(model.name for model in catalogue.models) == sorted(model.name for model in SHIPPED.models)


@pytest.mark.spec("RTR-23")
def test_a_local_server_has_the_model_that_it_has_loaded() -> None:
    """Its other models are not to be had, so that no evidence can name one that did not answer."""
    catalogue = SHIPPED.preferring({"local": "smollm2-135m"})
    assert [model.name for model in catalogue.models if model.provider == "local"] == ["smollm2-135m"]
    assert [model.name for model in SHIPPED.offered(["local"])] == ["smollm2-135m"]
    assert len(SHIPPED.offered(["openai"])) > 1
    with pytest.raises(CallerError, match="MODEL_NOT_FOUND"):
        catalogue.named("qwen2.5-coder-1.5b")
