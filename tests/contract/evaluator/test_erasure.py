"""ReviewService.EraseReviews on the wire: a person's packets lose their content, and nobody else's do."""

import asyncpg
import pytest

from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.chassis.errors import MeshError
from services.chassis.testing import TESTER
from tests.contract.evaluator.room import Room, case, opinion
from tests.contract.promises import reasons


async def packet(room: Room, identity: str, subject: str = "") -> None:
    """Leave a review packet."""
    request = case(opinion("truth", 1.5, rationale=f"about {identity}"))
    request.decision_id, request.subject_id = identity, subject
    await room.evaluator.Adjudicate(request)


@pytest.mark.spec("E1", "REC-15")
async def test_packets_about_a_person_are_blanked(room: Room, pool: asyncpg.Pool) -> None:
    """By person and, for packets that do not say, by decision; once, and the queue of reviews keeps its rows."""
    await packet(room, "d-1", "person-1")
    await packet(room, "d-2", "person-2")
    await packet(room, "d-3")
    request = pb.EraseReviewsRequest(subject_id="person-1", decision_ids=["d-3"])

    counts = [(await room.reviews.EraseReviews(request)).erased_count for _ in range(2)]
    rows = await pool.fetch("select decision_id, document::text, subject_id from reviews order by 1")

    assert counts == [2, 0]
    assert [(row[0], row[2]) for row in rows] == [("d-1", ""), ("d-2", "person-2"), ("d-3", "")]
    assert [row[1] == "{}" for row in rows] == [True, False, True]


@pytest.mark.spec("E1", "REC-15")
async def test_packets_that_a_person_asked_for_are_blanked(room: Room, pool: asyncpg.Pool) -> None:
    """Who asks is noted with each packet, whomever it is about."""
    await packet(room, "d-1", "person-1")
    await packet(room, "d-2")
    asker = await pool.fetchval("select distinct requester_id from reviews")

    erased = await room.reviews.EraseReviews(pb.EraseReviewsRequest(subject_id=asker))
    rows = await pool.fetch("select document::text, subject_id, requester_id from reviews")

    assert asker == TESTER.subject
    assert erased.erased_count == 2
    assert {tuple(row) for row in rows} == {("{}", "", "")}


@pytest.mark.spec("REC-17")
async def test_a_packet_quotes_no_credential(room: Room, pool: asyncpg.Pool) -> None:
    """What a critic quotes from a question is stored for reviewers without what looks like a credential."""
    secret = "sk-ant-0123456789abcdefghij"
    request = case(opinion("truth", 1.5, rationale=f"it names {secret} twice"))
    reply = await room.evaluator.Adjudicate(request)
    (row,) = await pool.fetch("select document::text from reviews")

    assert reply.adjudication.review_id
    assert secret not in row["document"]
    assert "it names [redacted] twice" in row["document"]


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.EraseReviewsRequest(), "FIELD_REQUIRED", "subject_id"),
        (pb.EraseReviewsRequest(subject_id="p" * 257), "FIELD_TOO_LONG", "subject_id"),
        (pb.EraseReviewsRequest(subject_id="p", decision_ids=["d"] * 10_001), "FIELD_TOO_LONG", "decision_ids"),
    ],
)
async def test_what_names_nobody_is_refused(
    room: Room, request_: pb.EraseReviewsRequest, reason: str, field: str
) -> None:
    """Each rule has its reason and names its field."""
    with pytest.raises(MeshError) as refused:
        await room.reviews.EraseReviews(request_)

    assert (refused.value.reason, refused.value.metadata["field"]) == (reason, field)
    assert reason in reasons("evaluator")["EraseReviews"]
