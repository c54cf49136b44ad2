"""Promises that hold for every text."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.critic.core.critics import MANDATES
from services.critic.core.material import Material
from services.critic.core.vocabulary import SCORERS, CriticName
from tests.unit.critic.cases import CONCERNS, HARMLESS, RAISES
from tests.unit.critic.judging import judge, judge_output

FLAGGED = sorted(
    {text for texts in RAISES.values() for text in texts} | {t for rows in CONCERNS.values() for t, _ in rows}
)
prose = st.lists(st.sampled_from([*FLAGGED, *HARMLESS]), max_size=6).map(" ".join)
anything = st.text(max_size=400) | prose


@pytest.mark.spec("CRT-02")
@settings(max_examples=60)
@given(question=anything, output=anything, context=anything)
def test_every_number_is_in_its_bounds_and_every_span_in_its_text(question: str, output: str, context: str) -> None:
    """Severity 0 to 3, confidence 0 to 1, evidence inside the text it names."""
    material = Material(input=question, output=output, context=context)
    for critic in SCORERS:
        evaluation = judge(critic, material)
        assert 0.0 <= evaluation.severity_0_3 <= 3.0
        assert 0.0 <= evaluation.confidence <= 1.0
        for violation in evaluation.violations:
            assert 0 <= violation.span.start <= violation.span.end <= len(material.text(violation.side))


@settings(max_examples=80)
@given(output=prose, more=st.sampled_from(FLAGGED), critic=st.sampled_from(SCORERS))
def test_one_more_flagged_sentence_never_lowers_a_severity(output: str, more: str, critic: CriticName) -> None:
    """Nothing that is added can talk a finding away."""
    before = judge_output(critic, output).severity_0_3

    assert judge_output(critic, f"{output} {more}").severity_0_3 >= before - 1e-9


@pytest.mark.spec("CRT-04", "T32")
def test_a_critic_takes_the_material_and_nothing_else() -> None:
    """Isolation is in the signature: no parameter could carry a peer's opinion, an earlier result or a weight."""
    for mandate in MANDATES.values():
        assert list(inspect.signature(mandate.detect).parameters) == ["material"]
    assert set(Material.__slots__) == {"input", "output", "context", "domain"}


@pytest.mark.spec("CRT-04")
@settings(max_examples=40)
@given(output=prose, critic=st.sampled_from(SCORERS))
def test_a_critic_says_the_same_whoever_judged_before(output: str, critic: CriticName) -> None:
    """Running all peers first changes nothing: there is no shared state to run through."""
    material = Material(input="", output=output)
    alone = judge(critic, material)
    for peer in SCORERS:
        judge(peer, material)

    assert judge(critic, material) == alone


@pytest.mark.spec("CRT-04")
def test_no_critic_module_imports_another() -> None:
    """The pages of the critics do not know each other."""
    names = {name.value for name in SCORERS}
    for mandate in MANDATES.values():
        module = inspect.getmodule(mandate.detect)
        assert module is not None
        source = inspect.getsource(module)
        assert not any(f"critics.{peer}" in source for peer in names), mandate.name
