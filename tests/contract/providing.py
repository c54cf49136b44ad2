"""One provider adapter in this process, before a fake vendor, and what its tests send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

import httpx

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub, add_ProviderServiceServicer_to_server
from services.chassis import call
from services.chassis.streams import MeshStream
from services.chassis.testing import Registration, serving
from services.provider.desk import Desk
from services.provider.servicer import ProviderServicer
from tests.fakes.vendors import WORDS, FakeVendor
from tests.unit.provider.wiring import PATIENCE_S, servicer

if TYPE_CHECKING:
    from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceAsyncStub

Stub: TypeAlias = "ProviderServiceAsyncStub"
SERVICE = "magistrate.provider.v1.ProviderService"
TEXT = "".join(WORDS)


def generation(
    *, content: str = "How many days of leave?", role: "pb.MessageRole.ValueType" = pb.MESSAGE_ROLE_USER, cap: int = 64
) -> pb.Generation:
    """Return a good request, or one with a field spoilt."""
    return pb.Generation(
        models={"openai": "gpt-4-turbo", "local": "smollm2-135m"},
        messages=[pb.Message(role=role, content=content)],
        max_output_tokens=cap,
    )


@asynccontextmanager
async def wired(
    fake: FakeVendor, *, vendor: str = "openai", attempt_s: float = PATIENCE_S
) -> AsyncIterator[tuple[Stub, ProviderServicer]]:
    """Serve one adapter in this process, and show its inside."""
    async with httpx.AsyncClient(trust_env=False) as client:
        inside = servicer(vendor, client, fake.base_url, attempt_s=attempt_s, remaining_s=call.remaining_s)
        async with serving([Registration(add_ProviderServiceServicer_to_server, inside, SERVICE)]) as channel:
            yield ProviderServiceStub(channel), inside


@asynccontextmanager
async def provider(fake: FakeVendor, *, vendor: str = "openai", attempt_s: float = PATIENCE_S) -> AsyncIterator[Stub]:
    """Serve one adapter in this process."""
    async with wired(fake, vendor=vendor, attempt_s=attempt_s) as (stub, _):
        yield stub


async def heard(desk: Desk, call_id: str, *, pieces: int) -> None:
    """Wait until so many pieces of the answer of the one running try have come."""
    while desk.book.running(call_id)[0].pieces < pieces:  # noqa: ASYNC110 - the book is a value and tells nobody
        await asyncio.sleep(0)


async def ask(stub: Stub, request: pb.Generation, *, streamed: bool) -> None:
    """Ask for an answer, or for the first piece of one."""
    if streamed:
        await anext(aiter(stub.GenerateStream(pb.GenerateStreamRequest(generation=request))))
    else:
        await stub.Generate(pb.GenerateRequest(generation=request))


def start(stub: Stub) -> MeshStream:
    """Start a stream."""
    # The generated stub cannot know that the channel of the mesh returns its own kind of stream.
    return cast("MeshStream", stub.GenerateStream(pb.GenerateStreamRequest(generation=generation())))


async def read(stub: Stub, into: list[str]) -> None:
    """Read a whole stream, keeping what came before a failure."""
    async for message in stub.GenerateStream(pb.GenerateStreamRequest(generation=generation())):
        into.append(message.text)  # noqa: PERF401 - a comprehension would lose the pieces before the break
