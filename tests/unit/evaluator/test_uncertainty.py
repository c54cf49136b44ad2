"""The model families, and the uncertainty that a verdict rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.core.precedent import Precedent, consult
from services.evaluator.core.uncertainty import Unknowns, assess, model_instability, peak
from services.evaluator.core.verdict import Verdict
from tests.unit.evaluator.strategies import SEVERITIES, SHARES


@pytest.mark.spec("ENG-14", "T27")
@pytest.mark.parametrize(
    ("model", "penalty"),
    [
        ("gpt-4o", 0.05),
        ("claude-sonnet-4", 0.05),
        ("grok-2", 0.05),
        ("meta/Llama-3.1-8B", 0.15),
        ("TinyLlama-1.1B", 0.15),
        ("mistral-7b", 0.15),
        ("phi-4", 0.15),
        ("phi3", 0.15),
        ("philosopher-7b", 0.20),
        ("delphi", 0.20),
        ("smollm2-360m", 0.20),
        ("", 0.20),
    ],
)
def test_model_families(model: str, penalty: float) -> None:
    """A family is recognised as a word, not as a part of another one."""
    assert model_instability(model) == penalty


@given(
    severities=st.lists(SEVERITIES, min_size=2, max_size=6),
    raises=st.lists(SEVERITIES, min_size=6, max_size=6),
    usual=SEVERITIES,
    missing=SHARES,
)
def test_the_peak_only_grows(severities: list[float], raises: list[float], usual: float, missing: float) -> None:
    """It is never below the uncertainty itself, and never falls when a critic finds something worse."""
    stored = Precedent(precedent_id="P-00001", verdict=Verdict.ALLOW, similarity=0.9, mean_severity_0_3=usual)
    unknowns = Unknowns(guidance=consult([stored]), model_name="llama", missing_share=missing)
    worse = [max(pair) for pair in zip(severities, raises, strict=False)]

    assert peak(severities, unknowns).overall >= assess(severities, unknowns).overall - 1e-12
    assert peak(worse, unknowns).overall >= peak(severities, unknowns).overall - 1e-12


def test_sources_are_named() -> None:
    """The explanation says where the uncertainty comes from."""
    uncertainty = assess([3.0, 0.0], Unknowns(guidance=consult([]), model_name="smollm2", missing_share=0.5))

    assert uncertainty.sources == ("critic_disagreement", "critic_missing", "novel_precedent", "model_ambiguity")
    assert "novel precedent" in uncertainty.explanation
