"""Relevance is absolute, a wildcard admits, and nothing found supports nothing."""

import pytest

from services.chassis.errors import CallerError
from services.evaluator.core.precedent import Precedent, Scope, consult
from services.evaluator.core.verdict import Verdict


def case(similarity: float, verdict: Verdict = Verdict.ALLOW) -> Precedent:
    """Return a stored case of this similarity."""
    return Precedent(precedent_id="P-00001", verdict=verdict, similarity=similarity, mean_severity_0_3=1.0)


@pytest.mark.spec("T8")
def test_nothing_found_supports_nothing() -> None:
    """Without precedent alignment is 0.0, never full support."""
    nothing = consult([])

    assert nothing.novel
    assert (nothing.alignment, nothing.conflict, nothing.support, nothing.coverage) == (0.0, 0.0, 0.5, 0.0)
    assert nothing.drift([3.0]) == 0.0


@pytest.mark.spec("T12")
@pytest.mark.parametrize("similarity", [0.0, 0.65, 0.69])
def test_the_best_of_the_unrelated_is_unrelated(similarity: float) -> None:
    """A lone candidate below the absolute threshold is no precedent and covers nothing."""
    lone = consult([case(similarity)])

    assert lone.novel
    assert lone.coverage == 0.0


def test_relevant_cases_cover() -> None:
    """From 0.7 on a case counts, and the nearest one is the coverage."""
    guidance = consult([case(0.7), case(0.9), case(0.2, Verdict.DENY)])

    assert not guidance.novel
    assert guidance.coverage == 0.9
    assert guidance.alignment == 1.0


@pytest.mark.parametrize("similarity", [-0.1, 1.1, float("nan")])
def test_a_similarity_is_a_share(similarity: float) -> None:
    """Anything outside 0-1 is refused."""
    with pytest.raises(CallerError, match="FIELD_OUT_OF_RANGE"):
        consult([case(similarity)])


@pytest.mark.spec("T13")
def test_a_wildcard_admits_and_narrows_nothing() -> None:
    """``*`` covers every value and earns no specificity; a named workflow weighs more than product and role."""
    anywhere = Scope(workflows=frozenset({"*"}))
    billing = Scope(workflows=frozenset({"billing"}))
    narrow = Scope(products=frozenset({"desk"}), roles=frozenset({"agent"}))

    assert anywhere.covers(workflow="refund", product="desk", role="agent")
    assert not billing.covers(workflow="refund", product="desk", role="agent")
    assert (anywhere.specificity, billing.specificity, narrow.specificity) == (0, 3, 3)
