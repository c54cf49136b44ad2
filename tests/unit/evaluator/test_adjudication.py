"""What must hold for every case, whoever speaks and whatever they find."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.errors import CallerError, MeshError
from services.evaluator.core import gate
from services.evaluator.core.adjudication import Case, adjudicate, context_was_lost
from services.evaluator.core.bench import PRIORITY, Critic, Evaluation, Signal
from services.evaluator.core.clauses import CLAUSES, Tier, owner_of
from services.evaluator.core.dissent import Position, position_of, suppressed
from services.evaluator.core.light import Color
from services.evaluator.core.precedent import Precedent
from services.evaluator.core.review import Trigger
from services.evaluator.core.verdict import VOCABULARY, Verdict
from tests.unit.evaluator.strategies import SEVERITIES, cases, signal


def bench(**severities: float) -> tuple[Evaluation, ...]:
    """Return six opinions, 0 where no severity is given."""
    return tuple(Evaluation(critic=critic, severity_0_3=severities.get(critic, 0.0)) for critic in PRIORITY)


@pytest.mark.spec("ENG-15", "T2", "T3")
@settings(max_examples=400)
@given(case=cases(), raises=st.lists(SEVERITIES, min_size=6, max_size=6))
def test_raising_severities_never_relaxes_the_verdict(case: Case, raises: list[float]) -> None:
    """Whatever any critics find worse, the verdict and the release of the text never get better."""
    worse = tuple(
        replace(opinion, severity_0_3=max(opinion.severity_0_3, raised))
        for opinion, raised in zip(case.evaluations, raises, strict=False)
    )
    before, after = adjudicate(case), adjudicate(replace(case, evaluations=worse))

    assert after.verdict >= before.verdict
    assert after.text_released <= before.text_released
    assert after.signal_gate.tier >= before.signal_gate.tier


@pytest.mark.spec("ENG-15")
def test_agreeing_on_something_worse_is_not_milder() -> None:
    """Three more critics finding 1.9 remove the disagreement, and with it uncertainty, but nothing of the verdict."""
    candidates = (
        Precedent(precedent_id="P-00001", verdict=Verdict.ALLOW, similarity=1.0, mean_severity_0_3=0.0),
        Precedent(precedent_id="P-00002", verdict=Verdict.ESCALATE, similarity=1.0, mean_severity_0_3=0.0),
    )
    divided = bench(fairness=1.9, truth=1.9, risk=1.9)
    agreed = bench(**dict.fromkeys(PRIORITY, 1.9))
    before, after = (adjudicate(Case(evaluations=opinions, candidates=candidates)) for opinions in (divided, agreed))

    assert after.uncertainty.critic_divergence < before.uncertainty.critic_divergence
    assert after.verdict >= before.verdict


@pytest.mark.spec("ENG-17", "T1")
@given(case=cases())
def test_every_signal_goes_through_and_closes_the_gate(case: Case) -> None:
    """A signal that goes in comes out as the same object, and the gate is closed as far as it asks."""
    outcome = adjudicate(case)

    for sent in (sent for opinion in case.evaluations for sent in opinion.signals):
        assert any(carried is sent for carried in outcome.signals)
        assert outcome.execution_gate.tier >= sent.tier
        assert sent.pair in outcome.execution_gate.reasons
        assert not outcome.text_released
        assert outcome.verdict >= Verdict.ESCALATE


@pytest.mark.spec("ENG-17", "T1")
@pytest.mark.parametrize("clause_id", [c for c, clause in CLAUSES.items() if owner_of(clause) in set(PRIORITY)])
def test_a_signal_closes_the_gate_at_severity_zero(clause_id: str) -> None:
    """Every clause a critic may raise closes the gate by its tier although all severities are 0."""
    clause = CLAUSES[clause_id]
    opinions = tuple(
        replace(opinion, signals=(signal(clause_id),)) if opinion.critic == owner_of(clause) else opinion
        for opinion in bench()
    )
    outcome = adjudicate(Case(evaluations=opinions))

    assert outcome.aggregate.label is Verdict.ALLOW
    assert outcome.verdict is Verdict.ESCALATE
    assert outcome.execution_gate.tier is clause.tier
    assert (
        outcome.execution_gate.required_action
        is {
            Tier.ACKNOWLEDGE: gate.HumanAction.ACK,
            Tier.DETERMINE: gate.HumanAction.DETERMINATION,
        }[clause.tier]
    )


@pytest.mark.spec("ENG-14")
@given(case=cases())
def test_everything_stays_within_its_range(case: Case) -> None:
    """Shares stay in 0-1, severities in 0-3, alignment in -1 to 1."""
    outcome = adjudicate(case)
    uncertainty = outcome.uncertainty

    for share in (
        uncertainty.epistemic,
        uncertainty.aleatoric,
        uncertainty.critic_divergence,
        uncertainty.precedent_conflict,
        uncertainty.model_stability,
        uncertainty.overall,
        outcome.guidance.support,
        outcome.guidance.coverage,
    ):
        assert 0 <= share <= 1
    assert -1 <= outcome.guidance.alignment <= 1
    assert all(0 <= severity.adjusted_0_3 <= 3 for severity in outcome.aggregate.severities)
    assert 0 <= outcome.aggregate.average_0_3 <= outcome.aggregate.max_0_3 + 1e-12 <= 3 + 1e-9


@pytest.mark.spec("ENG-16")
@given(case=cases())
def test_dissent_is_kept_byte_for_byte(case: Case) -> None:
    """Whoever stands against the outcome is listed with the very rationale they gave, and nobody is lost."""
    outcome = adjudicate(case)
    stands_for = Position.CLEARS if outcome.verdict.permits_text else Position.ESCALATES
    against = {o.critic: o.rationale for o in case.evaluations if position_of(o) is not stands_for}

    assert {d.critic: d.rationale for d in outcome.dissents} == against
    assert {o.critic for o in outcome.bench.evaluations} == {o.critic for o in case.evaluations}


@given(case=cases(), order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(case: Case, order: Random) -> None:
    """Opinions and precedents in any order give the same outcome, down to the audit hash."""
    shuffled = list(case.evaluations)
    order.shuffle(shuffled)
    outcome, again = adjudicate(case), adjudicate(replace(case, evaluations=tuple(shuffled)))

    assert again == outcome


@given(case=cases())
def test_the_audit_hash_is_reproducible(case: Case) -> None:
    """The same content gives the same 64 hex digits; another rationale gives others."""
    outcome = adjudicate(case)
    assert outcome.audit_hash == adjudicate(case).audit_hash
    assert len(outcome.audit_hash) == 64
    if case.evaluations:
        first, *rest = case.evaluations
        changed = replace(case, evaluations=(replace(first, rationale=first.rationale + "."), *rest))
        assert adjudicate(changed).audit_hash != outcome.audit_hash


def test_the_audit_hash_is_stable_across_releases() -> None:
    """A known case keeps its hash, so that evidence written earlier can still be checked."""
    assert adjudicate(Case(evaluations=bench(truth=2.1), model_name="gpt-4")).audit_hash == GOLDEN_HASH


GOLDEN_HASH = "3440f6a5ac6d239106c3d32c9297662806cc1e5f93fa2f2716467e4f7481ddda"


@pytest.mark.spec("T7", "CRT-10", "ENG-11")
@pytest.mark.parametrize("gone", PRIORITY)
def test_a_missing_critic_is_never_a_zero(gone: Critic) -> None:
    """Without one critic the verdict is at best ESCALATE, U1 is raised, and epistemic uncertainty grows."""
    full = adjudicate(Case(evaluations=bench()))
    heard = tuple(opinion for opinion in bench() if opinion.critic is not gone)
    outcome = adjudicate(Case(evaluations=heard, unavailable=(gone,)))

    assert outcome.verdict is Verdict.ESCALATE
    assert [s.clause_id for s in outcome.signals] == ["U1"]
    assert outcome.uncertainty.epistemic > full.uncertainty.epistemic
    assert Trigger.UNCERTAINTY in outcome.triggers
    assert outcome == adjudicate(Case(evaluations=heard))


@pytest.mark.spec("T7")
@pytest.mark.parametrize("speaking", [(), (Critic.RISK,)])
def test_fewer_than_two_opinions_are_no_verdict(speaking: tuple[Critic, ...]) -> None:
    """With one opinion or none there is nothing to aggregate."""
    opinions = tuple(Evaluation(critic=critic, severity_0_3=0.0) for critic in speaking)

    assert adjudicate(Case(evaluations=opinions)).verdict is Verdict.ABSTAIN


def test_one_opinion_may_still_deny() -> None:
    """A lone rights critic with a severe finding denies: abstaining would be milder."""
    alone = (Evaluation(critic=Critic.RIGHTS, severity_0_3=2.5),)

    assert adjudicate(Case(evaluations=alone)).verdict is Verdict.DENY


@pytest.mark.spec("T6", "T7", "T8")
def test_novelty_is_reviewed_but_withholds_no_text() -> None:
    """A case without precedent is uncertain, aligned with nothing and due for review; its text goes out."""
    unconsulted = adjudicate(Case(evaluations=bench(), model_name="gpt-4"))
    novel = adjudicate(Case(evaluations=bench(), candidates=(), model_name="gpt-4"))

    assert unconsulted.triggers == ()
    assert novel.guidance.alignment == 0.0
    assert novel.uncertainty.epistemic == pytest.approx(0.15)
    assert novel.triggers == (Trigger.NOVEL_PRECEDENT,)
    assert novel.verdict is Verdict.ALLOW
    assert novel.text_released
    assert novel.execution_gate.required_action is gate.HumanAction.ACK
    assert novel.execution_gate.reasons == ("review:novel_precedent",)


@pytest.mark.spec("T6")
@pytest.mark.parametrize("candidates", [(), None])
def test_novelty_of_high_impact_is_a_clause(candidates: tuple[Precedent, ...] | None) -> None:
    """Without precedent, searched for or not, a case of high impact raises PR1 and waits for a determination."""
    outcome = adjudicate(Case(evaluations=bench(), candidates=candidates, high_impact=True))

    assert [s.clause_id for s in outcome.signals] == ["PR1"]
    assert outcome.execution_gate.required_action is gate.HumanAction.DETERMINATION
    assert not outcome.text_released


def test_conflicting_precedents_are_a_clause() -> None:
    """Precedents that disagree materially raise PR2."""
    candidates = tuple(
        Precedent(precedent_id=name, verdict=verdict, similarity=1.0, mean_severity_0_3=0.0)
        for name, verdict in (("P-00001", Verdict.ALLOW), ("P-00002", Verdict.DENY))
    )
    outcome = adjudicate(Case(evaluations=bench(), candidates=candidates))

    assert [s.clause_id for s in outcome.signals] == ["PR2"]
    assert outcome.uncertainty.needs_escalation


def test_high_impact_with_high_uncertainty_is_a_clause() -> None:
    """U2 joins PR2 where precedents conflict in a case of high impact."""
    candidates = tuple(
        Precedent(precedent_id=name, verdict=verdict, similarity=1.0, mean_severity_0_3=0.0)
        for name, verdict in (("P-00001", Verdict.ALLOW), ("P-00002", Verdict.DENY))
    )
    outcome = adjudicate(Case(evaluations=bench(), candidates=candidates, high_impact=True))

    assert [s.clause_id for s in outcome.signals] == ["PR2", "U2"]
    assert outcome.execution_gate.tier is Tier.DETERMINE


@pytest.mark.spec("ENG-18")
def test_precedent_softens_neither_rights_nor_autonomy() -> None:
    """Full support lowers other critics by 30 % and leaves the protected ones as they are."""
    supporting = (Precedent(precedent_id="P-00001", verdict=Verdict.ALLOW, similarity=1.0, mean_severity_0_3=1.0),)
    opinions = bench(rights=1.0, autonomy=1.0, truth=1.0)
    outcome = adjudicate(Case(evaluations=opinions, candidates=supporting, model_name="gpt-4"))
    adjusted = {severity.critic: severity.adjusted_0_3 for severity in outcome.aggregate.severities}

    assert adjusted[Critic.RIGHTS] >= 1.0
    assert adjusted[Critic.AUTONOMY] >= 1.0
    assert adjusted[Critic.TRUTH] == pytest.approx(adjusted[Critic.RIGHTS] * 0.7)


@pytest.mark.spec("T9")
@pytest.mark.parametrize("severity", [-0.01, 3.01, float("nan"), float("inf"), float("-inf")])
def test_a_severity_has_one_unit(severity: float) -> None:
    """Only finite severities of 0-3 are taken."""
    with pytest.raises(CallerError) as refused:
        adjudicate(Case(evaluations=bench(truth=severity)))

    assert refused.value.reason == "FIELD_OUT_OF_RANGE"


def test_a_critic_speaks_once() -> None:
    """Two opinions of one critic, or an opinion of one that is said to be away, are refused."""
    for case in (Case(evaluations=bench()[:1] * 2), Case(evaluations=bench(), unavailable=(Critic.RISK,))):
        with pytest.raises(CallerError) as refused:
            adjudicate(case)
        assert refused.value.reason == "DUPLICATE_ENTRY"


@pytest.mark.spec("CRT-03")
@pytest.mark.parametrize(
    "forged",
    [
        replace(signal("F1"), raised_by="rights"),
        signal("A1"),
        signal("PR1"),
        replace(signal("F1"), tier=2),
        replace(signal("F1"), blocking=False),
        replace(signal("F2"), blocking=True),
        replace(signal("F1"), charter="dignity"),
        replace(signal("F1"), clause_id="F9"),
    ],
    ids=["other origin", "other critic's", "engine's", "tier", "not blocking", "blocking", "charter", "no clause"],
)
def test_a_forged_signal_is_refused(forged: Signal) -> None:
    """A signal must name its sender, and clause, charter, tier and blocking must fit the table."""
    opinions = tuple(
        replace(opinion, signals=(forged,)) if opinion.critic is Critic.FAIRNESS else opinion for opinion in bench()
    )
    with pytest.raises(CallerError) as refused:
        adjudicate(Case(evaluations=opinions))

    assert refused.value.reason == "SIGNAL_INVALID"
    assert refused.value.metadata["critic"] == "fairness"


@pytest.mark.spec("ENG-20")
@pytest.mark.parametrize(
    ("case", "color"),
    [
        pytest.param(Case(evaluations=bench()), Color.GREEN, id="nothing found"),
        pytest.param(Case(evaluations=bench(rights=2.5)), Color.RED, id="denied"),
        pytest.param(Case(evaluations=bench(risk=2.5)), Color.AMBER, id="escalated"),
        pytest.param(Case(evaluations=bench(), high_impact=True), Color.AMBER, id="high risk without precedent"),
        pytest.param(Case(evaluations=bench(risk=2.0), proposes_execution=True), Color.AMBER, id="medium, divided"),
        pytest.param(Case(evaluations=bench(risk=2.0)), Color.GREEN, id="low, divided"),
        pytest.param(Case(evaluations=bench(rights=2.0)), Color.AMBER, id="rights conflict, weakly covered"),
        pytest.param(
            Case(
                evaluations=bench(),
                candidates=(
                    Precedent(
                        precedent_id="P-00001",
                        verdict=Verdict.DENY,
                        similarity=0.9,
                        mean_severity_0_3=0.0,
                        hard_refusal=True,
                    ),
                ),
            ),
            Color.RED,
            id="hard precedent refuses",
        ),
        pytest.param(
            Case(
                evaluations=bench(),
                high_impact=True,
                candidates=(
                    Precedent(precedent_id="P-00001", verdict=Verdict.ALLOW, similarity=0.75, mean_severity_0_3=0.0),
                ),
            ),
            Color.GREEN,
            id="high risk, covered",
        ),
    ],
)
def test_traffic_light(case: Case, color: Color) -> None:
    """The light follows risk, coverage, divergence and verdict."""
    constraints = adjudicate(case).constraints

    assert constraints.light is color
    assert constraints.tone == ("neutral" if color is Color.GREEN else "cautious")


@pytest.mark.spec("T4", "T5")
def test_a_gate_never_opens_again() -> None:
    """A review does not lower a tier 3, and triggers that are unknown close the gate."""
    determined = gate.Gate(tier=Tier.DETERMINE, reasons=("rights:P1",))
    reviewed = gate.stricter(determined, gate.close_for_review([Trigger.SEVERITY]))

    assert reviewed == gate.Gate(tier=Tier.DETERMINE, reasons=("rights:P1", "review:severity"))
    assert gate.close_for_review(None).gated
    assert not gate.close_for_review([]).gated


@pytest.mark.spec("ENG-16")
def test_suppression_is_noticed() -> None:
    """Losing an opinion, a signal, or more than 1 % of a severity is noticed; float slack is not."""
    sealed = (Evaluation(critic=Critic.RIGHTS, severity_0_3=2.0, signals=(signal("P1"),)), *bench()[1:])

    assert suppressed(sealed, sealed) == ()
    assert suppressed(sealed, sealed[1:]) == (Critic.RIGHTS,)
    assert suppressed(sealed, (replace(sealed[0], signals=()), *sealed[1:])) == (Critic.RIGHTS,)
    assert suppressed(sealed, (replace(sealed[0], severity_0_3=1.97), *sealed[1:])) == (Critic.RIGHTS,)
    assert suppressed(sealed, (replace(sealed[0], severity_0_3=1.99), *sealed[1:])) == ()


@pytest.mark.spec("CRT-14")
@pytest.mark.parametrize(
    ("case", "triggers"),
    [
        (Case(evaluations=bench(truth=1.49)), ()),
        (Case(evaluations=bench(truth=1.5)), (Trigger.SEVERITY,)),
        (
            Case(evaluations=bench(truth=2.4, risk=2.4, operations=2.4)),
            (Trigger.SEVERITY, Trigger.DISAGREEMENT),
        ),
        (Case(evaluations=bench(), context_lost=True), (Trigger.UNCERTAINTY,)),
        (
            Case(evaluations=(bench()[0], replace(bench()[1], signals=(signal("A1"),)), *bench()[2:])),
            (Trigger.DIGNITY_OR_AUTONOMY,),
        ),
        (Case(evaluations=(replace(bench()[0], signals=(signal("P3"),)), *bench()[1:])), ()),
    ],
)
def test_review_triggers(case: Case, triggers: tuple[Trigger, ...]) -> None:
    """Each trigger fires at its own threshold and for nothing else."""
    assert adjudicate(case).triggers == triggers


def test_context_is_lost_only_where_nothing_took_its_place() -> None:
    """A failed store whose copy still fitted the question lost nothing."""
    assert context_was_lost(["context.store"], 0.0)
    assert not context_was_lost(["context.store"], 0.4)
    assert not context_was_lost(["provider-local", "contextual"], 0.0)
    with pytest.raises(MeshError, match="FIELD_OUT_OF_RANGE"):
        context_was_lost([], float("nan"))


@pytest.mark.spec("ENG-15")
def test_every_verdict_has_its_words() -> None:
    """The four other vocabularies name every verdict."""
    assert {verdict.name: words.outcome for verdict, words in VOCABULARY.items()} == {
        "ALLOW": "permit",
        "CONSTRAINED_ALLOW": "modify",
        "ESCALATE": "route_to_human",
        "DENY": "refuse",
        "ABSTAIN": "route_to_human",
    }


def test_a_verdict_explains_itself() -> None:
    """The explanation names every cause that kept the verdict from being better."""
    outcome = adjudicate(Case(evaluations=bench(rights=2.1, risk=3.0)))

    assert outcome.explanation == "ESCALATE: violations: rights 2.10, risk 3.00."
    assert adjudicate(Case(evaluations=bench())).explanation == "ALLOW: no critic found a violation."
