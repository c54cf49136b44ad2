"""EvaluatorService.Adjudicate on the wire: signals, packets, postures."""

import json
from typing import TYPE_CHECKING

import asyncpg
import pytest

from magistrate.common.v1 import critique_pb2, degradation_pb2, judgement_pb2
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.chassis.errors import MeshError
from services.chassis.metrics import REGISTRY
from services.context.adapters.minilm import MiniLm
from services.evaluator.core.bench import PRIORITY
from services.evaluator.docket import NOT_STORED

if TYPE_CHECKING:  # these exist only in the stubs
    pass
from tests.contract.evaluator.room import Embeddings, Room, case, clause_p1, opinion, running


@pytest.mark.spec("ENG-15")
async def test_nothing_found_is_allowed(room: Room, pool: asyncpg.Pool) -> None:
    """Six clear opinions of a stable model allow, open the gate and leave no packet."""
    outcome = (await room.evaluator.Adjudicate(case())).adjudication

    assert outcome.verdict == outcome.label == judgement_pb2.VERDICT_ALLOW
    assert outcome.text_released
    assert not outcome.gate.gated
    assert outcome.uncertainty.overall == pytest.approx(0.005)
    assert outcome.constraints.light == judgement_pb2.TRAFFIC_LIGHT_GREEN
    assert (outcome.review_id, list(outcome.review_triggers)) == ("", [])
    assert await pool.fetchval("select count(*) from reviews") == 0


@pytest.mark.spec("T1", "ENG-16", "ENG-17", "CRT-14")
async def test_a_signal_comes_back_byte_for_byte(room: Room) -> None:
    """A tier 3 clause at severity 0 closes the gate, withholds the text, and lies in the packet for the reviewer."""
    sent = clause_p1()
    reply = await room.evaluator.Adjudicate(
        case(opinion("rights", signals=[sent], rationale="Sensitive trait \u0000."))
    )
    outcome = reply.adjudication

    assert [signal.SerializeToString() for signal in outcome.signals] == [sent.SerializeToString()]
    assert outcome.label == judgement_pb2.VERDICT_ALLOW
    assert outcome.verdict == judgement_pb2.VERDICT_ESCALATE
    assert not outcome.text_released
    assert outcome.gate.required_action == judgement_pb2.HUMAN_ACTION_TYPE_DETERMINATION
    assert outcome.gate.highest_tier == 3
    assert list(outcome.gate.reasons) == ["rights:P1"]
    assert {d.critic for d in outcome.dissent} == set(PRIORITY) - {"rights"}


@pytest.mark.spec("CRT-14")
async def test_a_trigger_leaves_one_packet(room: Room, pool: asyncpg.Pool) -> None:
    """A severity of 1.5 is reviewed: the text goes out, execution waits, and asking again opens no second packet."""
    request = case(opinion("truth", 1.5, rationale="Unsupported \u0000 figure."))
    first = (await room.evaluator.Adjudicate(request)).adjudication
    again = (await room.evaluator.Adjudicate(request)).adjudication
    rows = await pool.fetch("select * from reviews")
    document = json.loads(rows[0]["document"])

    assert first.text_released
    assert first.gate.required_action == judgement_pb2.HUMAN_ACTION_TYPE_ACK
    assert first.gate.highest_tier == 0
    assert list(first.gate.reasons) == ["review:severity"]
    assert first.review_id == again.review_id == str(rows[0]["review_id"])
    assert len(rows) == 1
    assert (rows[0]["tenant"], rows[0]["decision_id"], rows[0]["domain"]) == ("acme", "d-1", "general")
    assert (rows[0]["triggers"], rows[0]["severity_0_3"], rows[0]["state"]) == (["severity"], 1.5, "open")
    assert rows[0]["audit_hash"] == first.audit_hash == again.audit_hash
    assert document["adjudication"]["reviewId"] == first.review_id
    assert "Unsupported \u0000 figure." in {e["rationale"] for e in document["evaluations"]}


@pytest.mark.spec("T5")
async def test_without_the_database_the_gate_stays_closed(model: MiniLm, pool: asyncpg.Pool) -> None:
    """A packet that cannot be stored changes no verdict, keeps execution gated, and is declared."""
    request = case(opinion("truth", 1.5))
    async with running(Embeddings(model), pool) as room:
        stored = await room.evaluator.Adjudicate(request)
        await pool.close()
        lost = await room.evaluator.Adjudicate(request)
        calm = await room.evaluator.Adjudicate(case())

    assert lost.adjudication.verdict == stored.adjudication.verdict
    assert lost.adjudication.review_id == ""
    assert lost.adjudication.gate.gated
    assert list(lost.adjudication.gate.reasons) == ["review:severity", NOT_STORED]
    assert [(c.component, c.fallback, c.reason) for c in lost.degraded_components] == [
        ("evaluator.reviews", "execution_gate_closed", "STORE_UNAVAILABLE")
    ]
    assert not calm.degraded_components


@pytest.mark.spec("T7", "CRT-10")
@pytest.mark.parametrize(
    "status", [critique_pb2.EVALUATION_STATUS_UNAVAILABLE, critique_pb2.EVALUATION_STATUS_NOT_EVALUATED]
)
async def test_an_unavailable_critic_escalates(room: Room, status: int) -> None:
    """A critic without an opinion is missing, not clear: U1, ESCALATE, and the evaluator's clock on the signal."""
    outcome = (await room.evaluator.Adjudicate(case(opinion("autonomy", status=status)))).adjudication

    assert outcome.verdict == judgement_pb2.VERDICT_ESCALATE
    assert [(s.raised_by, s.clause_id, s.tier) for s in outcome.signals] == [("uncertainty", "U1", 2)]
    assert outcome.signals[0].raised_at.seconds > 0
    assert "critic_missing" in outcome.uncertainty.sources


async def test_no_critic_at_all_is_no_verdict(room: Room) -> None:
    """Without opinions the evaluator abstains instead of guessing."""
    outcome = (await room.evaluator.Adjudicate(case(evaluations=[]))).adjudication

    assert outcome.verdict == judgement_pb2.VERDICT_ABSTAIN
    assert not outcome.text_released


@pytest.mark.spec("CRT-11")
async def test_each_adjudication_is_counted(room: Room) -> None:
    """Uncertainty, agreement, verdict and tier each move by one."""
    names: dict[str, dict[str, str]] = {
        "magistrate_uncertainty_count": {},
        "magistrate_critic_agreement_count": {},
        "magistrate_adjudications_total": {"verdict": "escalate"},
        "magistrate_adjudicated_signals_total": {"tier": "3"},
    }
    before = {name: REGISTRY.get_sample_value(name, labels) or 0 for name, labels in names.items()}
    await room.evaluator.Adjudicate(case(opinion("rights", signals=[clause_p1()])))
    after = {name: REGISTRY.get_sample_value(name, labels) for name, labels in names.items()}

    assert after == {name: count + 1 for name, count in before.items()}


@pytest.mark.spec("T6")
async def test_an_empty_search_is_novel(room: Room) -> None:
    """Precedents that were searched for and not found open a review; with high impact they close the gate by PR1."""
    novel = (await room.evaluator.Adjudicate(case(precedents=pb.PrecedentFindings()))).adjudication
    grave = (await room.evaluator.Adjudicate(case(precedents=pb.PrecedentFindings(), high_impact=True))).adjudication

    assert list(novel.review_triggers) == ["novel_precedent"]
    assert novel.text_released
    assert [signal.clause_id for signal in grave.signals] == ["PR1"]
    assert grave.gate.required_action == judgement_pb2.HUMAN_ACTION_TYPE_DETERMINATION


@pytest.mark.spec("ENG-18", "ENG-20")
async def test_precedents_and_declarations_are_weighed(room: Room) -> None:
    """A refusing hard precedent turns the light red; lost context and poor quality show in triggers and checks."""
    match = pb.PrecedentMatch(
        precedent_id="P-00001", similarity=0.9, decision=judgement_pb2.VERDICT_DENY, hard_refusal=True
    )
    request = case(
        precedents=pb.PrecedentFindings(matches=[match]),
        quality=judgement_pb2.QualityReport(overall=0.2, coverage=0.65, passed=False),
        degraded_components=[degradation_pb2.DegradedComponent(component="context", fallback="none")],
        context_confidence=0.0,
    )
    outcome = (await room.evaluator.Adjudicate(request)).adjudication

    assert outcome.constraints.light == judgement_pb2.TRAFFIC_LIGHT_RED
    assert outcome.verdict == judgement_pb2.VERDICT_ESCALATE
    assert list(outcome.constraints.required_checks) == ["answer compared with question and sources"]
    assert "uncertainty" in outcome.review_triggers


@pytest.mark.spec("RTR-19")
async def test_models_that_disagree_bring_a_person_in(room: Room) -> None:
    """Six content critics do not release what the models themselves do not agree on, and the reason is told."""
    agreed = (await room.evaluator.Adjudicate(case())).adjudication
    divided = (await room.evaluator.Adjudicate(case(models_disagree=True))).adjudication
    refused = (await room.evaluator.Adjudicate(case(opinion("rights", 2.6), models_disagree=True))).adjudication

    assert (agreed.verdict, agreed.text_released) == (judgement_pb2.VERDICT_ALLOW, True)
    assert (divided.verdict, divided.text_released) == (judgement_pb2.VERDICT_ESCALATE, False)
    assert divided.explanation == "ESCALATE: the models that voted on the answer did not agree."
    assert "uncertainty" in divided.review_triggers
    assert refused.verdict == judgement_pb2.VERDICT_DENY


async def test_pragmatics_is_operations(room: Room) -> None:
    """The alias speaks for the critic it means, once."""
    renamed = [opinion(critic) for critic in PRIORITY if critic != "operations"] + [opinion("pragmatics", 2.0)]
    outcome = (await room.evaluator.Adjudicate(case(evaluations=renamed))).adjudication

    assert list(outcome.priority_violations) == ["operations"]
    with pytest.raises(MeshError, match="DUPLICATE_ENTRY"):
        await room.evaluator.Adjudicate(case(evaluations=[*renamed, opinion("operations")]))
