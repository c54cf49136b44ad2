"""An evaluation is sealed, bounded, and folds duplicates inside one critic only."""

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from services.critic.core.critics import MANDATES
from services.critic.core.finding import Finding
from services.critic.core.material import Material, Span
from services.critic.core.sealing import seal
from services.critic.core.vocabulary import CriticName, Side
from tests.unit.critic.judging import NOON, judge, judge_output

CASE = Material(input="", output="x" * 50)
RISK = MANDATES[CriticName.RISK]


def finding(description: str, *, at: int = 0, weight: float = 0.5, category: str = "harm") -> Finding:
    """Return one piece of evidence."""
    return Finding(
        rule_id=f"r{at}",
        category=category,
        description=description,
        side=Side.OUTPUT,
        span=Span(at, at + 1),
        weight=weight,
    )


@pytest.mark.spec("CRT-04")
def test_an_evaluation_cannot_be_changed() -> None:
    """It is frozen, revision 0, sealed at the given time."""
    evaluation = judge_output("rights", "You are worthless.")

    assert (evaluation.revision, evaluation.sealed_at) == (0, NOON)
    with pytest.raises(FrozenInstanceError):
        evaluation.severity_0_3 = 0.0  # type: ignore[misc]  # what the test is about


def test_only_the_time_of_sealing_differs_between_two_judgements() -> None:
    """The same material gives the same evaluation: nothing else flows in."""
    case = Material(input="Sign or else.", output="You have no choice.")
    mandate = MANDATES[CriticName.AUTONOMY]
    later = seal(mandate, case, mandate.detect(case), NOON + timedelta(hours=1))

    assert judge("autonomy", case).violations == later.violations


@pytest.mark.spec("CRT-13")
def test_duplicates_are_folded_and_counted() -> None:
    """Same category and words, whatever the case and spacing: one violation, one removed."""
    evaluation = seal(RISK, CASE, [finding("It hurts."), finding("it  HURTS.", at=3), finding("Other.", at=5)], NOON)

    assert [violation.description for violation in evaluation.violations] == ["It hurts.", "Other."]
    assert evaluation.duplicates_removed == 1


@pytest.mark.spec("CRT-13")
def test_two_critics_may_say_the_same() -> None:
    """Folding never reaches across critics: both keep their concern."""
    output = "Do not keep any record of the reasons, and you have no choice."
    critics = ("operations", "autonomy")

    assert all(judge_output(critic, output).violations for critic in critics)


def test_the_strongest_evidence_stands_for_a_violation() -> None:
    """The place that is shown is the one that weighs most."""
    evaluation = seal(RISK, CASE, [finding("It hurts.", weight=0.2), finding("It hurts.", at=9, weight=0.9)], NOON)

    assert evaluation.violations[0].span == Span(9, 10)


def test_nothing_found_is_severity_0_with_modest_confidence() -> None:
    """Silence of rules is weak evidence, and says so."""
    evaluation = judge_output("risk", "The kettle is on the stove.")

    assert (evaluation.severity_0_3, evaluation.violations, evaluation.signals) == (0.0, (), ())
    assert evaluation.confidence < 0.7
