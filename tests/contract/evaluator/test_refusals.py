"""What the evaluator refuses, what comes later, and what its database role may do."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from magistrate.common.v1 import critique_pb2, judgement_pb2
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.chassis.errors import Kind, MeshError

if TYPE_CHECKING:  # these exist only in the stubs
    pass
from tests.contract.evaluator.room import Room, case, clause_p1, opinion
from tests.contract.promises import reasons


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
    assert reason in reasons("evaluator")["Adjudicate"]
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
async def test_later_methods_say_so(room: Room, ask: Callable[[Room], Awaitable[object]]) -> None:
    """What is not there yet answers UNIMPLEMENTED with its note, never with an empty success."""
    with pytest.raises(MeshError) as refused:
        await ask(room)

    assert (refused.value.kind, refused.value.reason) == (Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED")


async def test_the_role_may_add_packets_and_move_them_but_not_rewrite_them(pool: asyncpg.Pool) -> None:
    """The evaluator's own login can neither change what a packet says nor remove one."""
    for statement in ("update reviews set verdict = 'allow'", "delete from reviews", "drop table reviews"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
