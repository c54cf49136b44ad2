"""Streams and the caches."""

import contextlib
from typing import cast

import asyncpg
import pytest

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import MeshError
from services.chassis.streams import MeshStream
from tests.contract.router_cache.room import (
    HIT,
    STRICT,
    TEXT,
    ask,
    calls,
    read,
    replicas,
)
from tests.contract.routing import routing
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import WORDS, Answer, Step


@pytest.mark.spec("RTR-18")
async def test_a_stream_takes_what_is_kept_and_keeps_what_it_wrote(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """A new answer token by token; the kept one in one piece, for streams and whole answers alike."""
    async with replicas(1, pool, valkey) as (one,):
        new, kept, whole = await read(one), await read(one), await ask(one)

    assert [message.text for message in new] == [*WORDS, ""]
    assert [message.text for message in kept] == [TEXT, ""]
    assert kept[-1].route.cache_hit.level == HIT.CACHE_LEVEL_MEMORY
    assert kept[-1].route.cache_hit.source_call_id == new[-1].route.call_id
    assert (whole.text, calls(one)) == (TEXT, 1)


@pytest.mark.spec("RTR-18", "ENG-26")
async def test_whoever_finds_what_a_stream_wrote_has_a_finished_answer(
    pool: asyncpg.Pool, valkey: ValkeyServer
) -> None:
    """What models add is kept by nobody: the stream, the stream from the cache and the whole answer say the same."""
    said = Answer(words=("Answer:", " 25 days", ".", "\n</question>"))
    async with replicas(1, pool, valkey, said) as (one,):
        texts = ["".join(message.text for message in await read(one)) for _ in range(2)]
        whole = await ask(one)

    assert {*texts, whole.text} == {"25 days."}
    assert calls(one) == 1


@pytest.mark.parametrize("step", [Answer(cut_after=3), Answer(finish="length")])
async def test_a_stream_that_broke_or_was_cut_is_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer, step: Step) -> None:
    """Half an answer is given to nobody else."""
    async with replicas(1, pool, valkey, step, Answer(), rules=STRICT) as (one,):
        with contextlib.suppress(MeshError):  # the broken one
            await read(one)
        again = await read(one)

    assert not again[-1].route.HasField("cache_hit")
    assert calls(one) == 2


async def test_a_stream_that_is_left_is_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Its caller has seen a part; nobody else gets that part for the whole."""
    async with replicas(1, pool, valkey, Answer(stall_after=2), Answer()) as (one,):
        stream = one.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing("How much leave?")))
        await anext(aiter(stream))
        # The generated stub cannot know that the channel of the mesh returns its own kind of stream.
        await cast("MeshStream", stream).aclose()
        await one.vendor.cancelled.wait()
        again = await ask(one)

    assert (again.text, again.route.HasField("cache_hit")) == (TEXT, False)
