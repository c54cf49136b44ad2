"""The provider contract over one vendor: proto to values and back, nothing decided."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1 import usage_pb2
from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1 import provider_pb2_grpc
from services.chassis.clock import Clock
from services.chassis.errors import MeshError, invalid
from services.provider.batch import Batch
from services.provider.core.book import Memory, Outcome, Try
from services.provider.core.completion import Completion, Delta, End, Finish, Message, Prompt, Role, Usage
from services.provider.core.request import check
from services.provider.desk import Desk, Order

_ROLES: Mapping[int, Role] = {
    pb.MESSAGE_ROLE_SYSTEM: Role.SYSTEM,
    pb.MESSAGE_ROLE_USER: Role.USER,
    pb.MESSAGE_ROLE_ASSISTANT: Role.ASSISTANT,
}
_FINISHES = {
    Finish.STOP: pb.FINISH_REASON_STOP,
    Finish.LENGTH: pb.FINISH_REASON_LENGTH,
    Finish.FILTERED: pb.FINISH_REASON_FILTERED,
    Finish.UNSPECIFIED: pb.FINISH_REASON_UNSPECIFIED,
}
_OUTCOMES = {
    Outcome.WON: usage_pb2.ATTEMPT_OUTCOME_WON,
    Outcome.FAILED: usage_pb2.ATTEMPT_OUTCOME_FAILED,
    Outcome.CANCELLED: usage_pb2.ATTEMPT_OUTCOME_CANCELLED,
}
_ORDER_KEY = "x-magistrate-providers"
"""Request metadata: the providers that the proxy may ask, by comma."""
_MAX_BATCH = 20
_Context = grpc.aio.ServicerContext[object, object]


@dataclass(frozen=True, kw_only=True)
class ProviderServicer(provider_pb2_grpc.ProviderServiceServicer):
    """Implements magistrate.provider.v1.ProviderService; nothing is sent, not even metadata, before the first token."""

    desk: Desk
    default_model: str
    clock: Clock
    batch: Batch

    async def Generate(self, request: pb.GenerateRequest, context: _Context) -> pb.GenerateResponse:
        """Return the whole answer."""
        return await self._answer(request.generation, alone=_alone(context))

    async def GenerateStream(
        self, request: pb.GenerateStreamRequest, context: _Context
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        """Yield the answer as it is written, then its facts."""
        prompt = self._prompt(request.generation)
        started = self.clock.monotonic()
        order = Order(call_id=request.generation.call_id, alone=_alone(context))
        async with aclosing(self.desk.stream(prompt, order)) as events:
            async for event in events:
                match event:
                    case Delta():
                        yield pb.GenerateStreamResponse(text=event.text)
                    case End():
                        end = event
        # Only now is the try that wrote the answer in the book.
        yield pb.GenerateStreamResponse(summary=self._summary(prompt, order, end, started))

    async def CountTokens(self, request: pb.CountTokensRequest, _context: _Context) -> pb.CountTokensResponse:
        """Count the tokens of a conversation."""
        if not request.messages:
            raise invalid("messages", "is empty; send at least one message", reason="FIELD_REQUIRED")
        count = await self.desk.count_tokens(_messages(request.messages), request.model or self.default_model)
        return pb.CountTokensResponse(tokens=count.tokens, estimated=count.estimated)

    async def GetInfo(self, _request: pb.GetInfoRequest, _context: _Context) -> pb.GetInfoResponse:
        """Tell vendor, models and health."""
        health = await self.desk.health()
        return pb.GetInfoResponse(
            provider=self.desk.vendor.name,
            models=health.models,
            default_model=self.default_model,
            healthy=health.healthy,
            counts_tokens=self.desk.vendor.counts_tokens,
            continues=self.desk.vendor.continues(self.default_model),
        )

    async def GetAttempts(self, request: pb.GetAttemptsRequest, _context: _Context) -> pb.GetAttemptsResponse:
        """Tell what became of the tries of one call."""
        if not request.call_id:
            raise invalid("call_id", "is empty; name the call", reason="FIELD_REQUIRED")
        memory = self.desk.recall(request.call_id)
        since = Timestamp()
        since.FromDatetime(memory.since)
        return pb.GetAttemptsResponse(attempts=self._attempts(memory), running=memory.running, remembers_since=since)

    async def GenerateBatch(self, request: pb.GenerateBatchRequest, context: _Context) -> pb.GenerateBatchResponse:
        """Answer each prompt of a batch, or say why there is no answer."""
        if not request.generations:
            raise invalid("generations", "is empty; send at least one", reason="FIELD_REQUIRED")
        if len(request.generations) > _MAX_BATCH:
            count = len(request.generations)
            raise invalid("generations", f"must be at most {_MAX_BATCH}", reason="FIELD_TOO_LONG", value=count)
        alone = _alone(context)
        results = await self.batch.run(request.generations, lambda one: self._answer(one, alone=alone))
        return pb.GenerateBatchResponse(results=map(_result, results))

    async def _answer(self, generation: pb.Generation, *, alone: bool) -> pb.GenerateResponse:
        prompt = self._prompt(generation)
        started = self.clock.monotonic()
        order = Order(call_id=generation.call_id, alone=alone)
        completion = await self.desk.generate(prompt, order)
        return self._summary(prompt, order, completion, started, completion.text)

    def _prompt(self, generation: pb.Generation) -> Prompt:
        prompt = Prompt(
            model=generation.models.get(self.desk.vendor.name, "") or self.default_model,
            messages=_messages(generation.messages),
            max_tokens=generation.max_output_tokens,
            temperature=generation.temperature if generation.HasField("temperature") else None,
            json_schema=generation.json_schema,
            seed=generation.seed if generation.HasField("seed") else None,
            partial=generation.partial,
        )
        check(prompt)
        return prompt

    def _summary(
        self, prompt: Prompt, order: Order, answer: Completion | End, started: float, text: str = ""
    ) -> pb.GenerateResponse:
        return pb.GenerateResponse(
            text=text,
            provider=self.desk.vendor.name,
            model=prompt.model,
            model_version=answer.model,
            usage=_usage(answer.usage),
            finish_reason=_FINISHES[answer.finish],
            duration=_duration(self.clock.monotonic() - started),
            attempts=self._attempts(self.desk.recall(order.call_id)) if order.call_id else (),
        )

    def _attempts(self, memory: Memory) -> Iterator[usage_pb2.Attempt]:
        return (_attempt(self.desk.vendor.name, attempt) for attempt in memory.ended)


def _alone(context: _Context) -> bool:
    """Return whether the proxy was told of this provider only, and so has none to move on to."""
    metadata = dict(context.invocation_metadata() or ())
    return "," not in str(metadata.get(_ORDER_KEY, ","))


def _result(answer: pb.GenerateResponse | MeshError) -> pb.BatchResult:
    if isinstance(answer, MeshError):
        return pb.BatchResult(reason=answer.reason)
    return pb.BatchResult(response=answer)


def _messages(messages: Iterable[pb.Message]) -> tuple[Message, ...]:
    return tuple(Message(role=_role(message.role), text=message.content) for message in messages)


def _role(role: int) -> Role:
    if role not in _ROLES:
        raise invalid("messages.role", "must be SYSTEM, USER or ASSISTANT", reason="ENUM_UNKNOWN", value=role)
    return _ROLES[role]


def _usage(usage: Usage) -> usage_pb2.TokenUsage:
    return usage_pb2.TokenUsage(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, estimated=usage.estimated
    )


def _attempt(vendor: str, attempt: Try) -> usage_pb2.Attempt:
    started = Timestamp()
    started.FromDatetime(attempt.started_at)
    first = attempt.first_token_after_s
    return usage_pb2.Attempt(
        provider=vendor,
        model=attempt.model,
        outcome=_OUTCOMES[attempt.outcome] if attempt.outcome else usage_pb2.ATTEMPT_OUTCOME_UNKNOWN,
        started_at=started,
        first_token_after=None if first is None else _duration(first),
        duration=_duration(attempt.duration_s),
        usage=_usage(attempt.usage),
        reason=attempt.reason,
        key_fingerprint=attempt.key_fingerprint,
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
