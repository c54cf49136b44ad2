"""Records come in: one by one with their companions, or as a stream in which each is answered by itself."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.call import current, remaining_s
from services.chassis.errors import MeshError, invalid
from services.chassis.status import unexpected
from services.recorder.core.envelope import Draft
from services.recorder.ports import Written
from services.recorder.servicer import replies, requests
from services.recorder.writing.intake import Intake, Outcome
from services.recorder.writing.unordered import in_any_order

STREAM_MESSAGES = 500
"""Messages of one stream that may wait for their commit; the sender of more is slowed down."""
MESSAGE_RECORDS = 1000
COMPANIONS = 10
"""Records that may come with another in one call."""
GROUP_RECORDS = 50
"""Records that are made ready in one go: few milliseconds in which no other call is served."""
_Answer = TypeVar("_Answer", pb.AppendStreamResponse, pb.Acknowledgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appends:
    """The calls that write."""

    intake: Intake

    async def append(self, request: pb.AppendRequest) -> pb.AppendResponse:
        """Record one entry."""
        if len(request.companions) > COMPANIONS:
            problem, given = f"must be at most {COMPANIONS}", len(request.companions)
            raise invalid("companions", problem, reason="FIELD_TOO_LONG", value=given)
        drafts = [requests.draft(entry) for entry in (request.entry, *request.companions)]
        placed = [_placed(outcome) for outcome in await self.intake.append_all(drafts, remaining_s())]
        written = placed[0]
        return pb.AppendResponse(position=replies.position(written), already_recorded=written.already_recorded)

    async def append_stream(
        self, messages: AsyncIterator[pb.AppendStreamRequest]
    ) -> AsyncGenerator[pb.AppendStreamResponse, None]:
        """Record many entries, each answered as soon as it is durable."""
        async with aclosing(in_any_order(messages, self._answer, limit=STREAM_MESSAGES)) as answers:
            async for answer in answers:
                yield answer

    async def _answer(self, request: pb.AppendStreamRequest) -> pb.AppendStreamResponse:
        """Record one message of a stream; the contract answers a refused record there instead of ending it."""
        if not request.entries:
            (answer,) = await self._append_all(pb.AppendStreamResponse, [request.entry])
            return answer
        many = request.entries
        if len(many) > MESSAGE_RECORDS:
            raise invalid("entries", f"must be at most {MESSAGE_RECORDS}", reason="FIELD_TOO_LONG", value=len(many))
        groups = [many[at : at + GROUP_RECORDS] for at in range(0, len(many), GROUP_RECORDS)]
        answers = await asyncio.gather(*(self._append_all(pb.Acknowledgement, group) for group in groups))
        return pb.AppendStreamResponse(acknowledgements=[answer for group in answers for answer in group])

    async def _append_all(self, form: type[_Answer], entries: Sequence[pb.Entry]) -> list[_Answer]:
        """Record entries that came together; return what became of each."""
        drafts = [_tried(entry) for entry in entries]
        good = [draft for draft in drafts if isinstance(draft, Draft)]
        outcomes = iter(await self.intake.append_all(good, remaining_s()) if good else ())
        return [
            _acknowledged(form, entry.idempotency_key, next(outcomes) if isinstance(draft, Draft) else draft)
            for entry, draft in zip(entries, drafts, strict=True)
        ]


def _placed(outcome: Outcome) -> Written:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _tried(entry: pb.Entry) -> Draft | MeshError:
    try:
        return requests.draft(entry)
    except MeshError as error:
        return error


def _acknowledged(form: type[_Answer], key: str, outcome: Outcome) -> _Answer:
    if isinstance(outcome, Written):
        return form(idempotency_key=key, position=replies.position(outcome), already_recorded=outcome.already_recorded)
    if not isinstance(outcome, MeshError):
        outcome = unexpected(current().request_id)
    answer = form(idempotency_key=key, reason=outcome.reason, message=outcome.message, metadata=dict(outcome.metadata))
    if outcome.retry_after_s is not None:
        answer.retry_after.FromNanoseconds(round(outcome.retry_after_s * 1e9))
    return answer
