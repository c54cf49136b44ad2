"""All providers behind one call: Envoy tries them in the order and after the delay that its metadata give."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import cast

import grpc

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from services.chassis.client import exchange
from services.chassis.errors import MeshError
from services.chassis.streams import MeshStream
from services.router.adapters.tries import to_told
from services.router.core.account import Usage
from services.router.core.plan import Plan
from services.router.core.recovery import Leg
from services.router.ports import Piece, Reply, Unanswered

ORDER_KEY = "x-magistrate-providers"
"""Request metadata: providers in the order of the tries, by comma. Envoy has a cluster for each order."""
CALL_KEY = "x-magistrate-call"
"""Request metadata: id of the call; all its tries, and questions about them, meet the same replica of a provider."""
HEDGE_DELAY_KEY = "x-envoy-upstream-rq-per-try-timeout-ms"
"""Request metadata: milliseconds after which Envoy lets the next provider join."""
WINNER_KEY = "x-mesh-provider"
"""Response metadata: the provider whose response this is."""
ATTEMPTS_KEY = "x-envoy-attempt-count"
"""Response metadata: tries that were started."""
_NEVER_S = 86_400.0
"""A hedge delay beyond every call: nobody joins, and Envoy still moves on at once on a failure."""
_COUNT_TIMEOUT_S = 2.0

_Metadata = tuple[tuple[str, str], ...]


class HedgedRoute:
    """Implements the Providers port on the router's own way out.

    Args:
        channel: The way out.
        timeout_s: Seconds for a whole call with all its tries; a shorter deadline of the caller wins.
    """

    def __init__(self, channel: grpc.aio.Channel, *, timeout_s: float) -> None:
        self._stub = ProviderServiceStub(channel)
        self._timeout_s = timeout_s

    async def generate(self, plan: Plan, call_id: str) -> Reply:
        """Return the first good answer."""
        request, began = pb.GenerateRequest(generation=_generation(plan, call_id)), time.monotonic()
        try:
            reply, facts = await exchange(
                self._stub.Generate, request, timeout=self._timeout_s, metadata=_way(plan, call_id)
            )
        except MeshError as error:
            raise _unanswered(plan, error) from error
        return _reply(plan, reply, facts, began)

    async def stream(self, leg: Leg, call_id: str) -> AsyncGenerator[Piece | Reply, None]:
        """Yield pieces and, last, one Reply."""
        began, plan, left_s = time.monotonic(), leg.plan, self._timeout_s - leg.after.total_seconds()
        request = pb.GenerateStreamRequest(generation=_generation(plan, call_id, leg.partial))
        try:
            started = self._stub.GenerateStream(request, timeout=left_s, metadata=_way(plan, call_id))
            # The generated stub cannot know that the channel of the mesh returns its own kind of stream.
            async with aclosing(cast("MeshStream", started)) as messages:
                async for message in messages:
                    facts = await messages.metadata()
                    if message.HasField("summary"):
                        yield _reply(plan, message.summary, facts, began)
                    elif message.text:
                        winner = facts.get(WINNER_KEY, "") or plan.order[0]
                        yield Piece(text=message.text, provider=winner, attempts=_tries(plan, facts))
        except MeshError as error:
            raise _unanswered(plan, error) from error

    async def count_tokens(self, plan: Plan) -> int:
        """Count the prompt's tokens at the first provider of the order."""
        first = plan.models[0]
        request = pb.CountTokensRequest(messages=_messages(plan), model=first.name)
        metadata = ((ORDER_KEY, first.provider),)
        try:
            counted = await self._stub.CountTokens(request, timeout=_COUNT_TIMEOUT_S, metadata=metadata)
        except MeshError as error:
            raise _unanswered(plan, error) from error
        return counted.tokens


def _way(plan: Plan, call_id: str) -> _Metadata:
    order, call = (ORDER_KEY, ",".join(plan.order)), (CALL_KEY, call_id)
    if len(plan.order) == 1:
        # With nobody to join, Envoy takes the delay for a limit and ends the only try there is.
        return (order, call)
    return (order, call, (HEDGE_DELAY_KEY, str(round(min(plan.hedge_delay_s, _NEVER_S) * 1000))))


def _generation(plan: Plan, call_id: str, partial: str = "") -> pb.Generation:
    return pb.Generation(
        models={model.provider: model.name for model in plan.models},
        messages=_messages(plan),
        max_output_tokens=plan.output_tokens,
        temperature=plan.temperature,
        json_schema=plan.json_schema,
        call_id=call_id,
        partial=partial,
    )


def _messages(plan: Plan) -> list[pb.Message]:
    return [
        pb.Message(role=pb.MESSAGE_ROLE_SYSTEM, content=plan.prompt.system),
        pb.Message(role=pb.MESSAGE_ROLE_USER, content=plan.prompt.user),
    ]


def _reply(plan: Plan, reply: pb.GenerateResponse, facts: Mapping[str, str], began: float) -> Reply:
    waited = timedelta(seconds=time.monotonic() - began)
    return Reply(
        text=reply.text,
        provider=reply.provider or facts.get(WINNER_KEY, ""),
        model_version=reply.model_version,
        usage=Usage(
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            estimated=reply.usage.estimated,
        ),
        truncated=reply.finish_reason == pb.FINISH_REASON_LENGTH,
        attempts=_tries(plan, facts),
        # Of a call that went out once all the time is its own; the proxy's timer sees it so, too.
        duration=waited if _sent(facts) == 1 else reply.duration.ToTimedelta(),
        tries=tuple(map(to_told, reply.attempts)),
    )


def _unanswered(plan: Plan, error: MeshError) -> Unanswered:
    provider = error.metadata.get("provider") or error.transport.get(WINNER_KEY, "")
    return Unanswered(error, provider=provider, attempts=_tries(plan, error.transport))


def _tries(plan: Plan, facts: Mapping[str, str]) -> int:
    """Return how many providers were asked.

    A lone one gets a call again only while it has not seen it: such repeats bridge a restart, and hedge nothing.
    """
    return _sent(facts) if len(plan.order) > 1 else 1


def _sent(facts: Mapping[str, str]) -> int:
    """Return how often the proxy sent a call out."""
    count = facts.get(ATTEMPTS_KEY, "")
    return max(1, int(count)) if count.isdecimal() else 1
