"""Recorder, evaluator, router and the spool of this machine as owners of content about people."""

from magistrate.evaluator.v1.evaluator_pb2 import EraseReviewsRequest
from magistrate.evaluator.v1.evaluator_pb2_grpc import ReviewServiceStub
from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_CHANGE, AppendRequest, Entry, EraseSubjectRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from magistrate.router.v1.router_pb2 import ForgetSubjectRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.call import REQUEST_ID_KEY
from services.chassis.client import MeshChannel
from services.chassis.spool import AnySpool, Item
from services.engine.core.decision import Evidence
from services.engine.core.erasure import Erasure

ERASE_S = 25.0
"""Seconds that one owner may take."""
ID_BATCH = 10_000
"""Decisions that one call may name."""


class MeshOwners:
    """The other services that keep content about people."""

    def __init__(self, channel: MeshChannel) -> None:
        self._recorder = RecorderServiceStub(channel)
        self._reviews = ReviewServiceStub(channel)
        self._router = RouterServiceStub(channel)

    async def destroy_keys(self, erasure: Erasure, repeat: str) -> tuple[int, Evidence | None]:
        """Have the log make its content unreadable and say so; return how many records, and the record of it."""
        reply = await self._recorder.EraseSubject(
            EraseSubjectRequest(
                subject_id=erasure.subject_id, legal_basis=erasure.legal_basis, reference=erasure.erasure_id
            ),
            timeout=ERASE_S,
            metadata=((REQUEST_ID_KEY, repeat),),
        )
        if not reply.HasField("position"):
            return reply.erased_count, None
        place = reply.position
        return reply.erased_count, Evidence(origin=place.origin, index=place.index, leaf_hash=place.leaf_hash)

    async def erase_reviews(self, erasure: Erasure) -> int:
        """Have the review packets about the person blanked; return how many."""
        count = 0
        ids = erasure.decision_ids
        for at in range(0, max(1, len(ids)), ID_BATCH):
            request = EraseReviewsRequest(subject_id=erasure.subject_id, decision_ids=ids[at : at + ID_BATCH])
            count += (await self._reviews.EraseReviews(request, timeout=ERASE_S)).erased_count
        return count

    async def forget_answers(self, erasure: Erasure) -> int:
        """Have forgotten what was learned of the person, and the answers that are kept for reuse; return how many."""
        request = ForgetSubjectRequest(subject_id=erasure.subject_id)
        return (await self._router.ForgetSubject(request, timeout=ERASE_S)).erased_count

    async def confirm(self, erasure: Erasure) -> None:
        """Put on record which owners have confirmed; it names nobody."""
        counts = {f"owner.{owner}": str(told.count) for owner, told in erasure.confirmed.items()}
        place = {"erasure": f"{erasure.evidence.origin} {erasure.evidence.index}"} if erasure.evidence else {}
        entry = Entry(
            idempotency_key=f"{erasure.erasure_id}/confirmed",
            kind=RECORD_KIND_CHANGE,
            attributes={"event": "erasure_confirmed", "legal_basis": erasure.legal_basis, **place, **counts},
        )
        await self._recorder.Append(AppendRequest(entry=entry), timeout=ERASE_S)


class NoSpool:
    """The disk of an engine whose tenants are all strict."""

    async def forget(self, erasure: Erasure) -> int:  # noqa: ARG002 - there is nothing to look at
        """Return 0."""
        return 0


class SpooledEntries:
    """What waits on this machine's disk for the log.

    That there was a decision still reaches the log, with what is public of it, but neither content nor person: just as
    the log itself takes it from the disk of an engine that was down.
    """

    def __init__(self, spool: AnySpool) -> None:
        self._spool = spool

    async def forget(self, erasure: Erasure) -> int:
        """Take the content of the person out of what waits; return of how many items."""

        def without(item: Item) -> Item:
            entry = Entry.FromString(item.body)
            if item.tenant != erasure.tenant or erasure.subject_id not in {entry.subject_id, entry.requester_id}:
                return item
            entry.ClearField("payload")
            entry.ClearField("content_type")
            entry.ClearField("subject_id")
            entry.ClearField("requester_id")
            entry.attributes.update(erased="before_it_was_recorded", erasure_id=erasure.erasure_id)
            return Item(tenant=item.tenant, body=entry.SerializeToString())

        return await self._spool.rewrite(without)
