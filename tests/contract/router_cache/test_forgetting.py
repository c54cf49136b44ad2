"""RouterService.ForgetSubject: nothing that the caches held of a person is left, on any replica or in any store."""

import asyncpg
import pytest
from redis.asyncio import Redis

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.call import Principal
from services.chassis.errors import Kind, MeshError
from tests.contract.promises import reasons
from tests.contract.router_cache.room import STRICT, TEXT, ask, calls, listened, replicas, written
from tests.contract.routing import USER, Mesh
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer

QUERY = "Has Zacharias been ill?"
MEANT = """
insert into cache_questions (tenant, scope, model, question, embedding, entry, made_at, expires_at)
select tenant, 's', 'm', $1, array_fill(0.5, array[384])::vector, 'e', now(), now() + interval '1 hour'
from unnest(array['acme', 'other']) as tenant"""


async def forget(one: Mesh, subject: str = USER.subject) -> int:
    """Forget a person; return how many pieces went."""
    reply = await one.stub.ForgetSubject(pb.ForgetSubjectRequest(subject_id=subject))
    return int(reply.erased_count)


async def lies_in(redis: Redis, pool: asyncpg.Pool, words: str) -> list[str]:
    """Return the places outside of the processes where these words lie."""
    values = [str(await redis.get(name)) async for name in redis.scan_iter("magistrate:answer:*")]
    rows = [str(tuple(row)) for row in await pool.fetch("select question, entry from cache_questions")]
    return [text for text in (*values, *rows) if words in text]


@pytest.mark.spec("REC-15", "E1")
async def test_no_cache_holds_anything_of_them(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """Question and answer are in no store and no replica's memory; asked again, the model is asked again."""
    async with replicas(2, pool, valkey, Answer()) as (here, there):
        await listened(redis, 2)
        await pool.execute(MEANT, QUERY)
        await ask(here, QUERY)
        await written(redis)
        await ask(there, QUERY)
        held = len(await lies_in(redis, pool, TEXT)), len(await lies_in(redis, pool, QUERY)), calls(here, there)

        gone = await forget(there)
        left = len(await lies_in(redis, pool, TEXT)), len(await lies_in(redis, pool, QUERY))
        again = await forget(there)
        await ask(here, QUERY)

        assert held == (1, 2, 1)
        assert (gone, again) == (2, 0)
        assert left == (0, 1), "that of another tenant"
        assert len(here.caches.generator.store.memory) == 1
        assert calls(here, there) == 2


async def test_another_tenant_keeps_its_answers(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """What is forgotten is the caller's tenant's."""
    async with (
        replicas(1, pool, valkey, Answer()) as (mine,),
        replicas(1, pool, valkey, Answer(), principal=Principal(tenant="other", subject="ada")) as (theirs,),
    ):
        await ask(theirs, QUERY)
        await written(redis)
        await forget(mine)

        assert await lies_in(redis, pool, TEXT)
        await ask(theirs, QUERY)
        assert calls(theirs) == 1


@pytest.mark.spec("RTR-14", "REC-15")
async def test_what_was_learned_of_them_is_forgotten(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The person's history goes; those of other users and of other tenants stay."""
    rows = [(USER.tenant, USER.subject), (USER.tenant, "bob"), ("other", USER.subject)]
    await pool.execute("delete from user_history")
    await pool.executemany("insert into user_history values ($1, $2, 1, 2)", rows)
    async with replicas(1, pool, valkey) as (one,):
        await forget(one)

    left = await pool.fetch("select tenant, subject from user_history order by 1, 2")
    assert [tuple(row) for row in left] == sorted(rows[1:])


@pytest.mark.spec("REC-17")
async def test_credentials_are_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """A question with one is asked anew each time and lies nowhere; other questions are kept as ever."""
    async with replicas(1, pool, valkey, Answer(), rules=STRICT) as (one,):
        for _ in range(2):
            await ask(one, f"{QUERY} password=hunter22")
        asked = calls(one)
        await ask(one, QUERY)
        await written(redis)

        assert asked == 2
        assert len(await lies_in(redis, pool, TEXT)) == 1
        assert await lies_in(redis, pool, "hunter22") == []


@pytest.mark.parametrize(("subject", "reason"), [("", "FIELD_REQUIRED"), ("p" * 257, "FIELD_TOO_LONG")])
async def test_nobody_is_refused(pool: asyncpg.Pool, valkey: ValkeyServer, subject: str, reason: str) -> None:
    """An erasure of nobody has a reason that the contract names."""
    async with replicas(1, pool, valkey) as (one,):
        with pytest.raises(MeshError) as refused:
            await forget(one, subject)

    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert reason in reasons("router")["ForgetSubject"]
