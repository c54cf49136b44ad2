"""The golden vectors of the specification, one row each (spec 10)."""

from dataclasses import dataclass

import pytest

from services.evaluator.core.aggregation import aggregate, weigh_precedent, weigh_uncertainty
from services.evaluator.core.bench import PRIORITY, Critic, Evaluation
from services.evaluator.core.precedent import Guidance, Precedent, consult
from services.evaluator.core.review import disagreement
from services.evaluator.core.spread import population_variance
from services.evaluator.core.uncertainty import Unknowns, assess
from services.evaluator.core.verdict import Verdict

STABLE, OPEN_WEIGHTS, UNKNOWN = "gpt-4", "llama-3-8b", "smollm2"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDrift(Guidance):
    """Precedents whose drift is given instead of computed."""

    given: float

    def drift(self, severities_0_3: object) -> float:
        """Return the given drift."""
        return self.given


def known(drift: float = 0.0, conflict: float = 0.0) -> Guidance:
    """Return precedents with these two figures."""
    return FixedDrift(applied=("P-00001",), conflict=conflict, given=drift)


@pytest.mark.spec("ENG-14")
@pytest.mark.parametrize(
    ("severities", "unknowns", "expected"),
    [
        pytest.param([0] * 6, Unknowns(model_name=STABLE), (0, 0, 0.005, False), id="calm"),
        pytest.param(
            [3, 0, 0, 0, 0, 0], Unknowns(model_name=UNKNOWN), (0.625, 0.375, 0.2075, False), id="one severe critic"
        ),
        pytest.param(
            [3, 3, 3, 0, 0, 0],
            Unknowns(guidance=known(0.5, 0.5), model_name=OPEN_WEIGHTS),
            (1, 0.8, 0.615, False),
            id="divided bench",
        ),
        pytest.param(
            [3, 3, 3, 0, 0, 0],
            Unknowns(guidance=known(1, 0.9), model_name=UNKNOWN),
            (1, 1, 0.88, True),
            id="everything unsure",
        ),
    ],
)
def test_uncertainty(severities: list[float], unknowns: Unknowns, expected: tuple[float, float, float, bool]) -> None:
    """Uncertainty of given severities is what the formula gives: divergence, epistemic, overall, escalation."""
    uncertainty = assess([float(severity) for severity in severities], unknowns)

    assert (
        uncertainty.critic_divergence,
        uncertainty.epistemic,
        uncertainty.overall,
        uncertainty.needs_escalation,
    ) == pytest.approx(expected, abs=1e-9)


@pytest.mark.spec("ENG-14", "ENG-18")
def test_uncertainty_with_two_precedents() -> None:
    """Opposed precedents escalate through their conflict, although overall stays below its threshold."""
    severities = [3.0, 0.0, 1.0, 0.5, 2.0, 0.0]
    guidance = consult(
        [
            Precedent(precedent_id="P-00001", verdict=Verdict.ALLOW, similarity=1.0, mean_severity_0_3=0.5),
            Precedent(precedent_id="P-00002", verdict=Verdict.DENY, similarity=0.8, mean_severity_0_3=2.5),
        ]
    )
    uncertainty = assess(severities, Unknowns(guidance=guidance, model_name=STABLE))

    assert guidance.alignment == pytest.approx(0.1111, abs=5e-5)
    assert guidance.conflict == pytest.approx(0.81)
    assert guidance.support == pytest.approx(0.51056, abs=5e-6)
    assert guidance.drift(severities) == pytest.approx(0.13889, abs=5e-6)
    assert uncertainty.critic_divergence == pytest.approx(0.60069, abs=5e-6)
    assert uncertainty.epistemic == pytest.approx(0.41597, abs=5e-6)
    assert uncertainty.overall == pytest.approx(0.53699, abs=5e-6)
    assert uncertainty.needs_escalation


@pytest.mark.spec("ENG-15")
@pytest.mark.parametrize(
    ("severity", "alignment", "uncertainty", "after_precedent", "final"),
    [(2, -0.5, 0, 3, 3), (2, 1, 0, 1.4, 1.4), (2, 0, 0.6, 2, 2.6), (1, -1, 1, 2, 3), (1.2, 0.5, 0.3, 1.02, 1.173)],
)
def test_severity_adjustment(
    severity: float, alignment: float, uncertainty: float, after_precedent: float, final: float
) -> None:
    """Precedent is weighed first, then uncertainty."""
    weighed = weigh_precedent(severity, alignment)

    assert weighed == pytest.approx(after_precedent)
    assert weigh_uncertainty(weighed, uncertainty) == pytest.approx(final)


@pytest.mark.spec("ENG-15", "T2", "T3")
@pytest.mark.parametrize(
    ("severities", "label"),
    [
        pytest.param({Critic.RIGHTS: 2.5}, Verdict.DENY, id="rights severe"),
        pytest.param({Critic.AUTONOMY: 2.5}, Verdict.DENY, id="autonomy severe"),
        pytest.param({Critic.RIGHTS: 2.1, Critic.AUTONOMY: 2.6}, Verdict.DENY, id="second priority severe"),
        pytest.param({Critic.RIGHTS: 2.1, Critic.RISK: 3.0}, Verdict.ESCALATE, id="lower critic severe"),
        pytest.param({Critic.OPERATIONS: 2.5}, Verdict.ESCALATE, id="last critic severe"),
        pytest.param({Critic.TRUTH: 2.4}, Verdict.CONSTRAINED_ALLOW, id="lone 2.4 among six"),
        pytest.param({Critic.TRUTH: 2.0}, Verdict.CONSTRAINED_ALLOW, id="violation boundary"),
        pytest.param({Critic.TRUTH: 1.99}, Verdict.ALLOW, id="just below a violation"),
        pytest.param(
            {Critic.FAIRNESS: 2.0, Critic.TRUTH: 2.0, Critic.RISK: 2.0}, Verdict.ESCALATE, id="three violations"
        ),
        pytest.param(dict.fromkeys(PRIORITY, 1.0), Verdict.CONSTRAINED_ALLOW, id="average of one"),
        pytest.param({}, Verdict.ALLOW, id="nothing found"),
    ],
)
def test_label(severities: dict[Critic, float], label: Verdict) -> None:
    """A label rests on every single finding, not on the first or the mean alone."""
    opinions = [Evaluation(critic=critic, severity_0_3=severities.get(critic, 0.0)) for critic in PRIORITY]

    assert aggregate(opinions, alignment=0.0, uncertainty=0.0).label is label


@pytest.mark.spec("ENG-15")
@pytest.mark.parametrize(("uncertainty", "label"), [(0.6, Verdict.ESCALATE), (0.59, Verdict.CONSTRAINED_ALLOW)])
def test_uncertain_average_escalates(uncertainty: float, label: Verdict) -> None:
    """An average of one escalates from an uncertainty of 0.6 on."""
    opinions = [Evaluation(critic=critic, severity_0_3=1.0) for critic in PRIORITY]

    assert aggregate(opinions, alignment=0.0, uncertainty=uncertainty).label is label


@pytest.mark.spec("ENG-18")
def test_opposed_precedent_escalates() -> None:
    """Alignment below -0.5 needs a person, whatever the critics found."""
    opinions = [Evaluation(critic=critic, severity_0_3=0.0) for critic in PRIORITY]

    assert aggregate(opinions, alignment=-0.51, uncertainty=0.0).label is Verdict.ESCALATE
    assert aggregate(opinions, alignment=-0.5, uncertainty=0.0).label is Verdict.ALLOW


@pytest.mark.spec("CRT-14")
def test_disagreement() -> None:
    """Severities 0 and 2.5 disagree completely."""
    assert population_variance([0.0, 2.5]) == pytest.approx(1.5625)
    assert disagreement([0.0, 2.5]) == 1.0
