"""EvaluatorService on the wire: every RPC and every reason, with the real embedding model and a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
import pytest

from magistrate.common.v1 import critique_pb2, degradation_pb2, judgement_pb2, task_pb2
from magistrate.context.v1 import context_pb2, context_pb2_grpc
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from magistrate.evaluator.v1.evaluator_pb2_grpc import (
    EvaluatorServiceStub,
    PrecedentServiceServicer,
    PrecedentServiceStub,
    ReviewServiceServicer,
    ReviewServiceStub,
    add_EvaluatorServiceServicer_to_server,
    add_PrecedentServiceServicer_to_server,
    add_ReviewServiceServicer_to_server,
)
from services.chassis.clock import SystemClock
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError, unavailable
from services.chassis.metrics import REGISTRY
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.testing import Registration, serving
from services.context.adapters.minilm import MiniLm
from services.evaluator.adapters.embeddings import ContextEmbedder
from services.evaluator.adapters.reviews import PostgresReviews
from services.evaluator.core.bench import PRIORITY
from services.evaluator.docket import NOT_STORED, Docket
from services.evaluator.scorer import Scorer
from services.evaluator.servicer import EvaluatorServicer
from tests.fakes.postgres import Database, PostgresServer, fresh_database

if TYPE_CHECKING:  # these exist only in the stubs
    from magistrate.evaluator.v1.evaluator_pb2_grpc import (
        EvaluatorServiceAsyncStub,
        PrecedentServiceAsyncStub,
        ReviewServiceAsyncStub,
    )

AREA = "magistrate.evaluator.v1"
HANDBOOK = (
    "Annual leave. Every employee has 25 days of paid leave in each calendar year. Unused days expire on 31 March."
)
QUESTION = "How many days of annual leave do I get?"
ANSWER = "Every employee has 25 days of paid leave per calendar year. Days that are not used expire on 31 March."


@dataclass
class Embeddings(context_pb2_grpc.EmbeddingServiceServicer):
    """The embedding service with the real model, which a test can break and whose calls it can count."""

    model: MiniLm
    calls: list[list[str]] = field(default_factory=list)
    broken: bool = False
    fallback: bool = False
    stalled: bool = False

    async def Embed(self, request: context_pb2.EmbedRequest, _: object) -> context_pb2.EmbedResponse:  # noqa: N802
        """Embed the texts, or fail as told."""
        self.calls.append(list(request.texts))
        if self.broken:
            raise unavailable("EMBEDDING_UNAVAILABLE", "the model is not loaded")
        if self.stalled:
            await asyncio.Event().wait()
        rows = {text: await asyncio.to_thread(self.model.embed, [text]) for text in dict.fromkeys(request.texts)}
        vectors = [context_pb2.Embedding(values=rows[text][0].tolist()) for text in request.texts]
        return context_pb2.EmbedResponse(embeddings=vectors, degraded=self.fallback)


@dataclass(frozen=True, kw_only=True)
class Room:
    """A running evaluator and what stands behind it."""

    evaluator: "EvaluatorServiceAsyncStub"
    reviews: "ReviewServiceAsyncStub"
    precedents: "PrecedentServiceAsyncStub"
    embeddings: Embeddings


@pytest.fixture(scope="session")
def model() -> MiniLm:
    """Load the embedding model once."""
    return MiniLm()


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Give a database with the evaluator's schema and role."""
    with fresh_database(postgres, migrations_of=["evaluator"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Log in to an empty schema as the evaluator's own role."""
    database.server.execute("truncate evaluator.reviews", database.name)
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user="evaluator",
        password_file=SecretFile(database.password_file),
        schema="evaluator",
    )
    async with open_pool(settings) as opened:
        yield opened


@pytest.fixture
async def room(model: MiniLm, pool: asyncpg.Pool) -> AsyncIterator[Room]:
    """Serve the evaluator before the embedding service and the database."""
    async with running(Embeddings(model), pool) as served:
        yield served


@asynccontextmanager
async def running(embeddings: Embeddings, pool: asyncpg.Pool, *, embed_s: float = 5.0) -> AsyncIterator[Room]:
    """Serve the evaluator in this process."""
    embedding = Registration(
        context_pb2_grpc.add_EmbeddingServiceServicer_to_server,
        embeddings,
        "magistrate.context.v1.EmbeddingService",
    )
    async with serving([embedding]) as context:
        stub = context_pb2_grpc.EmbeddingServiceStub(context)
        servicer = EvaluatorServicer(
            scorer=Scorer(ContextEmbedder(stub, timeout_s=embed_s), pass_mark=0.7),
            docket=Docket(PostgresReviews(pool), timeout_s=2.0),
            clock=SystemClock(),
        )
        registrations = [
            Registration(add_EvaluatorServiceServicer_to_server, servicer, f"{AREA}.EvaluatorService"),
            Registration(add_ReviewServiceServicer_to_server, ReviewServiceServicer(), f"{AREA}.ReviewService"),
            Registration(
                add_PrecedentServiceServicer_to_server,
                PrecedentServiceServicer(),
                f"{AREA}.PrecedentService",
            ),
        ]
        async with serving(registrations) as channel:
            yield Room(
                evaluator=EvaluatorServiceStub(channel),
                reviews=ReviewServiceStub(channel),
                precedents=PrecedentServiceStub(channel),
                embeddings=embeddings,
            )


def score_request(**changes: object) -> pb.ScoreRequest:
    """Return a good request with some fields replaced."""
    fields: dict[str, object] = {
        "query": QUESTION,
        "output": ANSWER,
        "context_chunks": [HANDBOOK],
        "domain": task_pb2.DOMAIN_GENERAL,
        "task_type": task_pb2.TASK_TYPE_ANALYSIS,
        "decision_id": "d-1",
    }
    return pb.ScoreRequest(**(fields | changes))  # type: ignore[arg-type]  # the table's values are of many types


def opinion(critic: str, severity: float = 0.0, **changes: object) -> critique_pb2.CriticEvaluation:
    """Return the opinion of one critic."""
    fields: dict[str, object] = {
        "status": critique_pb2.EVALUATION_STATUS_EVALUATED,
        "confidence": 0.9,
        "rationale": f"{critic} saw nothing.",
    }
    return critique_pb2.CriticEvaluation(critic=critic, severity_0_3=severity, **(fields | changes))  # type: ignore[arg-type]  # as above


def clause_p1() -> critique_pb2.EscalationSignal:
    """Return a tier 3 signal of the rights critic."""
    signal = critique_pb2.EscalationSignal(
        clause_id="P1",
        charter="privacy_identity",
        tier=3,
        raised_by="rights",
        clause_description="identity inferred without consent",
        rationale="Names a person's illness. \u0000 é \U0001f512",
        blocking=True,
    )
    signal.raised_at.FromNanoseconds(1_790_000_000_123_456_789)
    return signal


def case(*opinions: critique_pb2.CriticEvaluation, **changes: object) -> pb.AdjudicateRequest:
    """Return a case; critics without an opinion given find nothing."""
    named = {given.critic for given in opinions}
    silent = [opinion(critic) for critic in PRIORITY if critic not in named]
    fields: dict[str, object] = {
        "decision_id": "d-1",
        "evaluations": [*opinions, *silent],
        "model": "gpt-4",
        "context_confidence": 0.8,
        "domain": task_pb2.DOMAIN_GENERAL,
    }
    return pb.AdjudicateRequest(**(fields | changes))  # type: ignore[arg-type]  # as above


@pytest.mark.spec("EVL-01", "T16")
async def test_score_gives_five_dimensions_from_one_embed_call(room: Room) -> None:
    """A grounded, relevant answer scores high where a formula exists; what needs a judge has no number."""
    reply = await room.evaluator.Score(score_request())
    scores = {score.dimension: score for score in reply.report.scores}

    assert list(scores) == ["relevance", "correctness", "coherence", "policy_compliance", "context_overlap"]
    assert scores["relevance"].value > 0.7
    assert scores["context_overlap"].value > 0.7
    assert scores["coherence"].value > 0.3
    for judged in ("correctness", "policy_compliance"):
        assert scores[judged].status == critique_pb2.EVALUATION_STATUS_NOT_EVALUATED
        assert (scores[judged].value, scores[judged].reason) == (0.0, "JUDGE_NOT_CONFIGURED")
    assert reply.report.coverage == pytest.approx(0.65)
    assert reply.report.rubric == "general@1"
    assert reply.report.passed
    assert not reply.degraded_components
    assert len(room.embeddings.calls) == 1


@pytest.mark.spec("EVL-01")
async def test_an_invented_answer_scores_lower(room: Room) -> None:
    """Off-topic words and figures that no source has cost relevance and context overlap."""
    good = await room.evaluator.Score(score_request())
    bad = await room.evaluator.Score(
        score_request(output="Employees may sell 40 days to colleagues. The canteen opens at 7 in summer.")
    )

    assert bad.report.scores[4].value < good.report.scores[4].value / 2
    assert bad.report.overall < good.report.overall
    assert not bad.report.passed


async def test_what_cannot_be_measured_says_why(room: Room) -> None:
    """One sentence has no neighbour and an answer without context no overlap; too little is measured to pass."""
    reply = await room.evaluator.Score(score_request(output="25 days of leave a year.", context_chunks=[]))

    assert reply.report.scores[2].reason == "SINGLE_SENTENCE"
    assert reply.report.scores[4].reason == "NO_CONTEXT"
    assert not reply.report.passed


@pytest.mark.spec("EVL-12")
async def test_each_field_of_work_has_its_rubric(room: Room) -> None:
    """The same answer weighs differently as literature and as market talk."""
    literary = await room.evaluator.Score(score_request(domain=task_pb2.DOMAIN_LITERARY))
    market = await room.evaluator.Score(score_request(domain=task_pb2.DOMAIN_MARKET))

    assert (literary.report.rubric, market.report.rubric) == ("literary@1", "market@1")
    assert literary.report.overall != market.report.overall


@pytest.mark.spec("T16")
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("broken", "EMBEDDING_UNAVAILABLE"), ("fallback", "EMBEDDING_UNAVAILABLE"), ("stalled", "DEADLINE_EXPIRED")],
)
async def test_without_embeddings_nothing_is_scored(model: MiniLm, pool: asyncpg.Pool, fault: str, reason: str) -> None:
    """An embedding service that fails, falls back or stalls leaves no number, and the reply says so."""
    embeddings = Embeddings(model)
    setattr(embeddings, fault, True)
    async with running(embeddings, pool, embed_s=0.2) as room:
        reply = await room.evaluator.Score(score_request())

    assert all(s.status == critique_pb2.EVALUATION_STATUS_NOT_EVALUATED for s in reply.report.scores)
    assert {score.reason for score in reply.report.scores} == {reason, "JUDGE_NOT_CONFIGURED"}
    assert (reply.report.overall, reply.report.coverage, reply.report.passed) == (0.0, 0.0, False)
    assert [(c.component, c.fallback, c.reason) for c in reply.degraded_components] == [
        ("context.embeddings", "not_evaluated", reason)
    ]


async def test_the_longest_answer_is_scored(room: Room) -> None:
    """A hundred thousand characters and a hundred chunks fit into one embed call."""
    reply = await room.evaluator.Score(
        score_request(query="q" * 10_000, output="It is so. " * 10_000, context_chunks=["chunk " * 5_000] * 100)
    )

    assert reply.report.coverage == pytest.approx(0.65)
    assert len(room.embeddings.calls) == 1
    assert len(room.embeddings.calls[0]) <= 256
    assert max(len(text) for text in room.embeddings.calls[0]) <= 10_000


@pytest.mark.parametrize(
    ("changes", "reason", "field_name"),
    [
        ({"query": ""}, "FIELD_REQUIRED", "query"),
        ({"query": " \n"}, "FIELD_REQUIRED", "query"),
        ({"query": "x" * 10_001}, "FIELD_TOO_LONG", "query"),
        ({"output": ""}, "FIELD_REQUIRED", "output"),
        ({"output": "x" * 100_001}, "FIELD_TOO_LONG", "output"),
        ({"domain": 0}, "ENUM_UNKNOWN", "domain"),
        ({"domain": 99}, "ENUM_UNKNOWN", "domain"),
        ({"task_type": 0}, "ENUM_UNKNOWN", "task_type"),
        ({"task_type": 99}, "ENUM_UNKNOWN", "task_type"),
    ],
)
async def test_score_refuses(room: Room, changes: dict[str, object], reason: str, field_name: str) -> None:
    """A bad request gets its reason and its field, and embeds nothing."""
    with pytest.raises(MeshError) as refused:
        await room.evaluator.Score(score_request(**changes))

    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert refused.value.metadata["field"] == field_name
    assert room.embeddings.calls == []


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


async def test_pragmatics_is_operations(room: Room) -> None:
    """The alias speaks for the critic it means, once."""
    renamed = [opinion(critic) for critic in PRIORITY if critic != "operations"] + [opinion("pragmatics", 2.0)]
    outcome = (await room.evaluator.Adjudicate(case(evaluations=renamed))).adjudication

    assert list(outcome.priority_violations) == ["operations"]
    with pytest.raises(MeshError, match="DUPLICATE_ENTRY"):
        await room.evaluator.Adjudicate(case(evaluations=[*renamed, opinion("operations")]))


def _spoofed() -> critique_pb2.CriticEvaluation:
    signal = clause_p1()
    signal.raised_by = "fairness"
    return opinion("rights", signals=[signal])


def _precedent(**changes: object) -> pb.PrecedentFindings:
    fields: dict[str, object] = {"precedent_id": "P-1", "similarity": 0.9, "decision": judgement_pb2.VERDICT_ALLOW}
    return pb.PrecedentFindings(matches=[pb.PrecedentMatch(**(fields | changes))])  # type: ignore[arg-type]  # as above


@pytest.mark.spec("CRT-03", "T9")
@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (lambda: case(decision_id=""), "FIELD_REQUIRED"),
        (lambda: case(decision_id="a b"), "FIELD_MALFORMED"),
        (lambda: case(decision_id="d\u0000"), "FIELD_MALFORMED"),
        (lambda: case(decision_id="d" * 129), "FIELD_MALFORMED"),
        (lambda: case(domain=0), "ENUM_UNKNOWN"),
        (lambda: case(domain=99), "ENUM_UNKNOWN"),
        (lambda: case(opinion("justice")), "FIELD_MALFORMED"),
        (lambda: case(opinion("rights", status=0)), "ENUM_UNKNOWN"),
        (lambda: case(opinion("rights", status=99)), "ENUM_UNKNOWN"),
        (lambda: case(opinion("rights", revision=1)), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", 3.01)), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", -0.01)), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", float("nan"))), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", float("inf"))), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", confidence=1.1)), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights", violations=[critique_pb2.Violation(severity_0_3=4)])), "FIELD_OUT_OF_RANGE"),
        (lambda: case(opinion("rights"), opinion("rights")), "DUPLICATE_ENTRY"),
        (lambda: case(_spoofed()), "SIGNAL_INVALID"),
        (lambda: case(opinion("fairness", signals=[clause_p1()])), "SIGNAL_INVALID"),
        (
            lambda: case(opinion("rights", signals=[clause_p1()], status=critique_pb2.EVALUATION_STATUS_UNAVAILABLE)),
            "SIGNAL_INVALID",
        ),
        (lambda: case(precedents=_precedent(similarity=float("nan"))), "FIELD_OUT_OF_RANGE"),
        (lambda: case(precedents=_precedent(mean_severity_0_3=3.5)), "FIELD_OUT_OF_RANGE"),
        (lambda: case(precedents=_precedent(decision=0)), "ENUM_UNKNOWN"),
        (lambda: case(precedents=_precedent(decision=99)), "ENUM_UNKNOWN"),
        (lambda: case(precedents=pb.PrecedentFindings(matches=[pb.PrecedentMatch()] * 51)), "FIELD_TOO_LONG"),
        (lambda: case(context_confidence=float("nan")), "FIELD_OUT_OF_RANGE"),
        (lambda: case(context_confidence=1.5), "FIELD_OUT_OF_RANGE"),
        (lambda: case(quality=judgement_pb2.QualityReport(overall=float("nan"))), "FIELD_OUT_OF_RANGE"),
        (lambda: case(quality=judgement_pb2.QualityReport(coverage=2)), "FIELD_OUT_OF_RANGE"),
    ],
)
async def test_adjudicate_refuses(
    room: Room, pool: asyncpg.Pool, request_of: Callable[[], pb.AdjudicateRequest], reason: str
) -> None:
    """Whatever is out of range, unknown, doubled or forged is refused by its reason and leaves nothing behind."""
    with pytest.raises(MeshError) as refused:
        await room.evaluator.Adjudicate(request_of())

    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert await pool.fetchval("select count(*) from reviews") == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda room: room.evaluator.JudgePlan(pb.JudgePlanRequest()),
        lambda room: room.evaluator.Calibrate(pb.CalibrateRequest()),
        lambda room: room.reviews.ListReviews(pb.ListReviewsRequest()),
        lambda room: room.reviews.GetReview(pb.GetReviewRequest()),
        lambda room: room.reviews.SubmitReview(pb.SubmitReviewRequest()),
        lambda room: room.precedents.SearchPrecedents(pb.SearchPrecedentsRequest()),
        lambda room: room.precedents.GetPrecedent(pb.GetPrecedentRequest()),
        lambda room: room.precedents.PublishPrecedent(pb.PublishPrecedentRequest()),
        lambda room: room.precedents.ListPrecedents(pb.ListPrecedentsRequest()),
    ],
)
async def test_later_methods_say_so(room: Room, ask: Callable[[Room], object]) -> None:
    """What is not there yet answers UNIMPLEMENTED with its note, never with an empty success."""
    with pytest.raises(MeshError) as refused:
        await ask(room)  # type: ignore[misc]  # each returns its own awaitable

    assert (refused.value.kind, refused.value.reason) == (Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED")


async def test_the_role_may_add_packets_and_move_them_but_not_rewrite_them(pool: asyncpg.Pool) -> None:
    """The evaluator's own login can neither change what a packet says nor remove one."""
    for statement in ("update reviews set verdict = 'allow'", "delete from reviews", "drop table reviews"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
