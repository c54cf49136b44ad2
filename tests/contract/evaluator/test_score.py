"""EvaluatorService.Score on the wire: what is measured, and what says why it is not."""

from typing import TYPE_CHECKING

import asyncpg
import pytest

from magistrate.common.v1 import critique_pb2, task_pb2
from services.chassis.errors import Kind, MeshError
from services.context.adapters.minilm import MiniLm

if TYPE_CHECKING:  # these exist only in the stubs
    pass
from tests.contract.evaluator.room import Embeddings, Room, running, score_request
from tests.contract.promises import reasons


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
    assert reason in reasons("evaluator")["Score"]
    assert refused.value.metadata["field"] == field_name
    assert room.embeddings.calls == []
