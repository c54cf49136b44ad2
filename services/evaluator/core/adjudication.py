"""The whole adjudication of one answer: opinions in, verdict, gate, dissent and review out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.chassis.errors import Kind, MeshError
from services.evaluator.core import dissent, gate, light, raised, review
from services.evaluator.core.aggregation import Aggregate, aggregate
from services.evaluator.core.bench import (
    PROTECTED,
    Bench,
    Critic,
    Evaluation,
    Signal,
    refuse_duplicates,
    require_within,
    seat,
)
from services.evaluator.core.demand import Demand, grounds, strictest
from services.evaluator.core.explanation import explain
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.precedent import NOT_CONSULTED, Guidance, Precedent, consult
from services.evaluator.core.seal import seal
from services.evaluator.core.uncertainty import Peak, Uncertainty, Unknowns, assess, peak
from services.evaluator.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything an adjudication rests on."""

    evaluations: tuple[Evaluation, ...]
    unavailable: tuple[Critic, ...] = ()
    """Critics known to have failed; a critic that is in neither list is missing all the same."""
    candidates: tuple[Precedent, ...] | None = None
    """Cases that were found, an empty tuple where none was (a novel case); None where nobody looked."""
    model_name: str = ""
    high_impact: bool = False
    proposes_execution: bool = False
    context_lost: bool = False
    """Whether context that should have been there could not be had."""
    models_disagree: bool = False
    """Whether several models voted on the answer and did not agree."""
    quality_failed: bool = False
    """Whether enough of the answer's quality was measured and it did not reach its mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudication:
    """What was decided and everything it rests on."""

    verdict: Verdict
    aggregate: Aggregate
    bench: Bench
    guidance: Guidance
    signals: tuple[Signal, ...]
    """Those of the critics, untouched and first, then those of the evaluator's own engines."""
    uncertainty: Uncertainty
    signal_gate: gate.Gate
    execution_gate: gate.Gate
    triggers: tuple[review.Trigger, ...]
    dissents: tuple[dissent.Dissent, ...]
    constraints: light.Constraints
    audit_hash: str
    explanation: str
    policy: str
    """Name and version of the policy that it was decided under."""
    grounds: tuple[str, ...]
    """Rules that asked for just this verdict; none where nothing stood against it."""

    @property
    def text_released(self) -> bool:
        """Tell whether a text answer may be shown: review triggers gate execution, never the text."""
        return self.verdict.permits_text and not self.signal_gate.gated


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """The findings of the three engines, before anything is concluded from them."""

    bench: Bench
    guidance: Guidance
    synthesis: Aggregate
    uncertainty: Uncertainty
    peak: Peak
    policy: Policy


def adjudicate(case: Case, policy: Policy = STANDARD) -> Adjudication:
    """Decide one case under one policy: a pure function of both.

    Raises:
        CallerError: FIELD_OUT_OF_RANGE, DUPLICATE_ENTRY or SIGNAL_INVALID: an opinion is out of range, given twice, or
            carries a signal that is not its own.
    """
    weighed = _weigh(case, policy)
    bench, synthesis = weighed.bench, weighed.synthesis
    signals = _all_signals(case, weighed)
    signal_gate = gate.close_for_signals(signals)
    demands = (*synthesis.demands, *_of_the_bench(case, weighed, signal_gate))
    verdict = strictest(demands)
    triggers = review.triggers(
        bench,
        signals=signals,
        novel=weighed.guidance.novel,
        uncertain=_uncertain(case, weighed, signals),
        policy=policy,
    )
    return Adjudication(
        verdict=verdict,
        aggregate=synthesis,
        bench=bench,
        guidance=weighed.guidance,
        signals=signals,
        uncertainty=weighed.uncertainty,
        signal_gate=signal_gate,
        execution_gate=gate.stricter(signal_gate, gate.close_for_review(triggers)),
        triggers=triggers,
        dissents=dissent.dissents(bench.evaluations, verdict, policy),
        constraints=_constrain(case, weighed, verdict),
        audit_hash=seal(
            bench=bench,
            synthesis=synthesis,
            uncertainty=weighed.uncertainty,
            signal_gate=signal_gate,
            signals=signals,
            verdict=verdict,
        ),
        explanation=explain(
            verdict,
            bench=bench,
            synthesis=synthesis,
            guidance=weighed.guidance,
            signal_gate=signal_gate,
            models_disagree=case.models_disagree,
            policy=policy,
        ),
        policy=policy.reference,
        grounds=grounds(demands, verdict),
    )


def context_was_lost(degraded: Iterable[str], confidence: float) -> bool:
    """Tell whether the context failed and nothing that fits the question took its place.

    Args:
        degraded: Names of the components that did not work.
        confidence: How well the context fits the question, 0-1.
    """
    require_within("context_confidence", confidence, 0.0, 1.0)
    return confidence == 0 and any(component.partition(".")[0] == "context" for component in degraded)


def _weigh(case: Case, policy: Policy) -> _Weighed:
    refuse_duplicates("evaluations.critic", [*(opinion.critic for opinion in case.evaluations), *case.unavailable])
    bench = seat(case.evaluations)
    guidance = _guidance(case)
    unknowns = Unknowns(guidance=guidance, model_name=case.model_name, missing_share=bench.missing_share)
    worst = peak(bench.severities_0_3, unknowns, policy)
    _require_nobody_silenced(case.evaluations, bench.evaluations)
    return _Weighed(
        bench=bench,
        guidance=guidance,
        synthesis=aggregate(bench.evaluations, alignment=guidance.alignment, uncertainty=worst.overall, policy=policy),
        uncertainty=assess(bench.severities_0_3, unknowns, policy),
        peak=worst,
        policy=policy,
    )


def _guidance(case: Case) -> Guidance:
    """Weigh precedent; a case of high impact for which nobody looked counts as novel, so that it fails closed."""
    if case.candidates is None and not case.high_impact:
        return NOT_CONSULTED
    return consult(case.candidates or ())


def _all_signals(case: Case, weighed: _Weighed) -> tuple[Signal, ...]:
    return (
        *weighed.bench.signals,
        *raised.by_precedent(weighed.guidance, high_impact=case.high_impact, policy=weighed.policy),
        *raised.by_uncertainty(weighed.bench, weighed.peak, high_impact=case.high_impact),
    )


def _of_the_bench(case: Case, weighed: _Weighed, signal_gate: gate.Gate) -> Iterator[Demand]:
    """Yield what the number of opinions, the clauses and a vote of models demand (trap T7)."""
    bench = weighed.bench
    if len(bench.evaluations) < weighed.policy.min_critics:
        yield Demand(rule="too_few_critics", verdict=Verdict.ABSTAIN)
    for critic in bench.missing:
        yield Demand(rule=f"missing:{critic}", verdict=Verdict.ESCALATE)
    for pair in signal_gate.reasons:
        yield Demand(rule=f"clause:{pair}", verdict=Verdict.ESCALATE)
    if case.models_disagree:
        yield Demand(rule="models_disagree", verdict=Verdict.ESCALATE)


def _uncertain(case: Case, weighed: _Weighed, signals: Sequence[Signal]) -> bool:
    by_clause = any(signal.raised_by == "uncertainty" for signal in signals)
    return weighed.uncertainty.needs_escalation or case.context_lost or case.models_disagree or by_clause


def _constrain(case: Case, weighed: _Weighed, verdict: Verdict) -> light.Constraints:
    violations = weighed.synthesis.violations
    situation = light.Situation(
        risk=light.risk_of(high_impact=case.high_impact, proposes_execution=case.proposes_execution),
        coverage=weighed.guidance.coverage,
        divergence=weighed.uncertainty.critic_divergence,
        verdict=verdict,
        refused_by_hard_precedent=weighed.guidance.refused_by_hard,
        rights_conflict=any(critic in PROTECTED for critic in violations),
    )
    return light.constraints(
        light.color(situation), verdict=verdict, violations=violations, quality_failed=case.quality_failed
    )


def _require_nobody_silenced(sealed: Sequence[Evaluation], carried: Sequence[Evaluation]) -> None:
    """Guard the way from sealing to synthesis: losing an opinion here is a fault of the mesh, never a result."""
    lost = dissent.suppressed(sealed, carried)
    if lost:
        raise MeshError(Kind.INTERNAL, "INTERNAL", f"the opinion of {', '.join(lost)} was lost or lowered")
