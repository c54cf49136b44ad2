"""People see what was decided, why, and where the proof is; nothing that is missing looks like a number."""

import io

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.text import Text

from magistrate.common.v1.critique_pb2 import CriticEvaluation, EscalationSignal, EvaluationStatus
from magistrate.common.v1.degradation_pb2 import DegradedComponent, DegradedMode
from magistrate.common.v1.judgement_pb2 import (
    Adjudication,
    Gate,
    HumanActionType,
    QualityReport,
    QualityScore,
    Uncertainty,
    Verdict,
)
from magistrate.common.v1.provenance_pb2 import Provenance
from magistrate.common.v1.usage_pb2 import (
    Attempt,
    AttemptOutcome,
    Ballot,
    CacheHit,
    CacheLevel,
    Money,
    Route,
    TokenUsage,
    Vote,
)
from magistrate.engine.v1.engine_pb2 import ContextUse, Decision, Evidence, Stage, StageOutcome
from tools.cli.decision_view import show
from tools.cli.marks import EXIT_CODES, severity, span

EVALUATED = EvaluationStatus.EVALUATION_STATUS_EVALUATED


def _decision() -> Decision:
    return Decision(
        decision_id="d-1",
        verdict=Verdict.VERDICT_CONSTRAINED_ALLOW,
        answer="500 EUR",
        quality=QualityReport(
            scores=[
                QualityScore(dimension="relevance", status=EVALUATED, value=0.91, method="cosine.minilm@1"),
                QualityScore(
                    dimension="correctness",
                    status=EvaluationStatus.EVALUATION_STATUS_NOT_EVALUATED,
                    reason="JUDGE_NOT_CONFIGURED",
                ),
            ],
            overall=0.8,
            coverage=0.45,
            passed=True,
            threshold=0.7,
        ),
        critics=[
            CriticEvaluation(
                critic="autonomy",
                status=EVALUATED,
                severity_0_3=1.5,
                rationale="it presses",
                signals=[EscalationSignal(clause_id="A2", tier=2)],
            ),
            CriticEvaluation(
                critic="truth", status=EvaluationStatus.EVALUATION_STATUS_UNAVAILABLE, reason="DEADLINE_EXPIRED"
            ),
        ],
        adjudication=Adjudication(
            gate=Gate(gated=True, required_action=HumanActionType.HUMAN_ACTION_TYPE_ACK, reasons=["autonomy:A2"]),
            uncertainty=Uncertainty(overall=0.25, epistemic=0.3, aleatoric=0.1, sources=["critic_missing"]),
            explanation="one critic is missing",
        ),
        route=Route(
            provider="local",
            model="smollm2-135m",
            provider_order=["local", "openai"],
            template="general/analysis@1",
            attempt_count=2,
            attempts=[
                Attempt(provider="local", outcome=AttemptOutcome.ATTEMPT_OUTCOME_WON, duration=Duration(seconds=2))
            ],
            usage=TokenUsage(input_tokens=98, output_tokens=28, estimated=True),
            cost=Money(micro_usd=1234),
        ),
        context=ContextUse(
            provenance=[Provenance(title="Procurement", pack_id="default", pack_version=3, end_offset=983)]
        ),
        stages=[Stage(name="screen", outcome=StageOutcome.STAGE_OUTCOME_DONE, duration=Duration(nanos=27_000_000))],
        degraded_mode=DegradedMode.DEGRADED_MODE_FULL,
        degraded_components=[DegradedComponent(component="critic.truth", fallback="unavailable", reason="slow")],
        evidence=Evidence(origin="evidence/local/default/2026h2", index=41, leaf_hash=b"\x01" * 32),
    )


def _shown(decision: Decision) -> str:
    output = io.StringIO()
    show(decision, Text("verified"), Console(file=output, width=120))
    return output.getvalue()


@pytest.mark.parametrize(
    "promised",
    [
        "ALLOW WITH CONSTRAINTS",
        "500 EUR",
        "relevance    0.91",
        "correctness  not_evaluated  JUDGE_NOT_CONFIGURED",
        "passed at 0.70, 45% of the weights evaluated",
        "A2 (tier 2)",
        "unavailable (DEADLINE_EXPIRED)",
        "closed: ack for autonomy:A2",
        "0.25 (epistemic 0.30, aleatoric 0.10; from critic_missing)",
        "smollm2-135m by local, template general/analysis@1",
        "98 in, 28 out (estimated), cost $0.001234",
        "local won after 2.00 s",
        "Procurement [0:983]",
        "screen  27 ms  +0 ms  done",
        "critic.truth  unavailable  slow",
        "evidence/local/default/2026h2, index 41",
        "01" * 32,
        "proof     verified",
    ],
)
def test_a_decision_shows(promised: str) -> None:
    """Everything that led to the verdict is on the screen."""
    assert promised in _shown(_decision())


@pytest.mark.spec("RTR-19", "RTR-20")
def test_the_reason_for_the_model_and_the_vote_are_shown() -> None:
    """Place, reason, rule, consensus and what each voter did."""
    decision = _decision()
    decision.route.place, decision.route.explanation = "secondary", "local is away."
    ballots = [Ballot(model="a", group=0), Ballot(model="b", group=-1, reason="DEADLINE_EXPIRED")]
    decision.route.vote.CopyFrom(Vote(rule="majority", consensus=0.5, ballots=ballots))
    shown = _shown(decision)

    assert "smollm2-135m by local (secondary), template" in shown
    assert "local is away." in shown
    assert "majority, not agreed: a person must decide, 50% of the weight (a group 0, b DEADLINE_EXPIRED)" in shown


@pytest.mark.parametrize(
    ("hit", "promised"),
    [
        (CacheHit(level=CacheLevel.CACHE_LEVEL_MEMORY, age=Duration(seconds=12)), "exact, 12.00 s old, call c-1"),
        (CacheHit(level=CacheLevel.CACHE_LEVEL_SHARED), "exact, shared, 0 ms old, call c-1"),
        (CacheHit(level=CacheLevel.CACHE_LEVEL_SHARED_CALL), "shared call, 0 ms old, call c-1"),
        (
            CacheHit(level=CacheLevel.CACHE_LEVEL_SEMANTIC, similarity=0.97),
            "same meaning, 0 ms old, call c-1, to a question that is 0.97 alike",
        ),
    ],
)
def test_an_answer_that_no_model_was_asked_for_says_where_it_is_from(hit: CacheHit, promised: str) -> None:
    """Level, age and the call that made it; no tokens and no tries, which there were not."""
    hit.source_call_id = "c-1"
    route = Route(provider="local", model="smollm2-135m", provider_order=["local"], cache_hit=hit)
    shown = _shown(Decision(answer="x", route=route))

    assert promised in shown
    assert "attempts" not in shown


def test_a_withheld_answer_shows_its_reason_only() -> None:
    """The text that nobody may see yet is not printed by accident."""
    decision = _decision()
    decision.withheld, decision.withheld_reason = True, "a person must act first"
    shown = _shown(decision)

    assert "a person must act first" in shown
    assert "500 EUR" not in shown


def test_text_from_a_model_cannot_style_the_screen() -> None:
    """Brackets in an answer are characters, not markup."""
    decision = _decision()
    decision.answer = "[bold red]DENY[/bold red] [link=http://evil]x[/link]"

    assert "[bold red]DENY[/bold red] [link=http://evil]x[/link]" in _shown(decision)


def test_text_from_a_model_cannot_steer_the_terminal() -> None:
    """An answer that would clear the screen and paint another verdict is shown as the characters that it has."""
    decision = _decision()
    decision.answer = "\x1b[2J\x1b[1mALLOW\x1b]0;title\x07"
    decision.context.provenance[0].title = "Pro\x1b[Acurement"
    shown = _shown(decision)

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\ufffd[2J\ufffd[1mALLOW" in shown


def test_a_decision_without_route_and_context_is_shown() -> None:
    """A refusal before generation has neither model nor evidence of context."""
    assert "DENY" in _shown(Decision(verdict=Verdict.VERDICT_DENY, withheld=True, withheld_reason="no"))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("ALLOW", 0), ("CONSTRAINED_ALLOW", 3), ("ESCALATE", 4), ("ABSTAIN", 4), ("DENY", 5)],
)
def test_every_verdict_has_its_exit_code(verdict: str, code: int) -> None:
    """A script can branch on the verdict without reading the text."""
    assert EXIT_CODES[Verdict.Value(f"VERDICT_{verdict}")] == code


@pytest.mark.parametrize(("value", "cells"), [(0.0, 0), (1.5, 6), (3.0, 12), (7.0, 12)])
def test_a_severity_is_a_bar_of_twelve(value: float, cells: int) -> None:
    """Three is full; nothing runs over."""
    shown = severity(value).plain

    assert shown.count("█") == cells
    assert shown.count("█") + shown.count("░") == 12


def test_a_span_keeps_what_matters() -> None:
    """A span has the unit in which it reads best."""
    assert span(Duration(nanos=27_400_000)) == "27 ms"
    assert span(Duration(seconds=19, nanos=670_000_000)) == "19.67 s"


def test_a_poor_answer_says_so_beside_itself() -> None:
    """Who reads nothing but the answer learns that it was cut short and scored too low."""
    quality = QualityReport(overall=0.06, coverage=0.5, threshold=0.7)
    shown = _shown(Decision(answer="The answer is 2.", verdict=Verdict.VERDICT_ALLOW, truncated=True, quality=quality))

    assert "cut at the token limit, quality not passed" in shown
    assert "not passed at 0.70, 50% of the weights evaluated" in shown


def test_a_high_score_of_too_little_evidence_says_why_it_did_not_pass() -> None:
    """1.00 that is not passed at 0.70 would read as a contradiction."""
    quality = QualityReport(overall=1.0, coverage=0.3, threshold=0.7)

    assert "not passed: 30% of the weights evaluated are too few" in _shown(Decision(answer="x", quality=quality))
