"""A spool in shards keeps every promise of a spool, and one tenant's trouble is not another's."""

import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.chassis.errors import MeshError, WorldError, unavailable
from services.chassis.spool import Item, ShardedSpool, Spool, shard_of

LIMIT = 1 << 20
SHARDS = 4
AWAY = unavailable("DEPENDENCY_UNAVAILABLE", "away")


class Peer:
    """The other service; it takes nothing of one tenant."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.got = dict[str, list[str]]()

    async def __call__(self, items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Take what comes."""
        (tenant,) = {item.tenant for item in items}
        if tenant == self.refuses:
            return [AWAY] * len(items)
        self.got.setdefault(tenant, []).extend(item.body.decode() for item in items)
        return [None] * len(items)


def item(body: str, tenant: str) -> Item:
    """Return an item."""
    return Item(tenant=tenant, body=body.encode())


@pytest.mark.spec("ENG-21")
@pytest.mark.parametrize(
    ("name", "count", "shard"),
    [("", 8, 2), ("acme", 8, 5), ("acme", 5, 2), ("other", 8, 0), ("tenant-1", 64, 51), ("ä", 7, 6), ("acme", 1, 0)],
)
def test_the_shard_of_a_name_never_changes(name: str, count: int, shard: int) -> None:
    """It is the same in every process and every version: what lies in a file must be found again."""
    assert shard_of(name, count) == shard


@pytest.mark.spec("ENG-21")
def test_names_spread_evenly() -> None:
    """Ten thousand ids over 16 shards: chi-square stays below what one in a thousand even spreads exceeds."""
    spread = Counter(shard_of(str(uuid.UUID(int=number * 7919)), 16) for number in range(10_000))
    expected = 10_000 / 16
    assert sum((spread[shard] - expected) ** 2 / expected for shard in range(16)) < 37.7  # 15 degrees of freedom


@pytest.mark.spec("REC-11", "REC-02")
async def test_every_tenant_arrives_in_its_order(tmp_path: Path) -> None:
    """Whatever shard they are in, also after a restart; and nothing is left behind."""
    tenants = [f"tenant-{number}" for number in range(8)]
    async with ShardedSpool(tmp_path, Peer(), shards=SHARDS, max_bytes=LIMIT) as spool:
        for number in range(5):
            for tenant in tenants:
                await spool.put(item(str(number), tenant))
    assert len(list(tmp_path.glob("shard-*"))) == SHARDS - 1  # noqa: ASYNC240 - a test waits for nobody else

    peer = Peer()
    async with ShardedSpool(tmp_path, peer, shards=SHARDS, max_bytes=LIMIT) as spool:
        assert await spool.drain()
        assert spool.total_bytes == 0

    assert peer.got == {tenant: ["0", "1", "2", "3", "4"] for tenant in tenants}


@pytest.mark.spec("REC-11")
async def test_trouble_of_one_tenant_holds_up_its_shard_alone(tmp_path: Path) -> None:
    """The others' evidence arrives while one tenant's log takes nothing."""
    peer = Peer(refuses="acme")
    assert shard_of("acme", SHARDS) != shard_of("other", SHARDS)
    async with ShardedSpool(tmp_path, peer, shards=SHARDS, max_bytes=LIMIT) as spool:
        await spool.put(item("first", "acme"))
        await spool.put(item("second", "other"))

        assert not await spool.drain()
        assert peer.got == {"other": ["second"]}
        peer.refuses = ""
        assert await spool.drain()

    assert peer.got == {"other": ["second"], "acme": ["first"]}


async def test_what_another_number_of_shards_left_is_delivered(tmp_path: Path) -> None:
    """Neither a spool without shards nor more of them than now leave anything behind."""
    async with Spool(tmp_path, Peer(), max_bytes=LIMIT) as single:
        await single.put(item("single", "acme"))
    async with ShardedSpool(tmp_path, Peer(), shards=16, max_bytes=LIMIT) as many:
        for number in range(16):
            await many.put(item(str(number), f"tenant-{number}"))

    peer = Peer()
    async with ShardedSpool(tmp_path, peer, shards=2, max_bytes=LIMIT) as few:
        assert await few.drain()

    assert peer.got == {"acme": ["single"]} | {f"tenant-{number}": [str(number)] for number in range(16)}


async def test_all_shards_together_have_one_limit(tmp_path: Path) -> None:
    """A tenant may use all of it; nobody gets more by being in another shard."""
    async with ShardedSpool(tmp_path, Peer(), shards=SHARDS, max_bytes=1000) as spool:
        await spool.put(item("x" * 700, "acme"))
        with pytest.raises(WorldError, match="QUEUE_FULL"):
            await spool.put(item("x" * 400, "other"))
        assert await spool.drain()
        await spool.put(item("x" * 400, "other"))


async def test_what_waits_is_rewritten_in_every_shard(tmp_path: Path) -> None:
    """An erasure reaches all of them."""
    peer = Peer()
    async with ShardedSpool(tmp_path, peer, shards=SHARDS, max_bytes=LIMIT) as spool:
        for tenant in ("acme", "other"):
            await spool.put(item("secret", tenant))
        assert await spool.rewrite(lambda old: Item(tenant=old.tenant, body=b"gone")) == 2
        assert await spool.drain()

    assert peer.got == {"acme": ["gone"], "other": ["gone"]}
