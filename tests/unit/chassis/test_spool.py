"""What was put into a spool is delivered, whatever happens to the process, the other service or the disk."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.metrics import REGISTRY
from services.chassis.spool import Item, Spool, SpoolError, frames, segments
from services.chassis.spool import spool as spooling

ROOT = Path(__file__).parents[3]
LIMIT = 1 << 20
AWAY = unavailable("DEPENDENCY_UNAVAILABLE", "away")
BAD = CallerError(Kind.INVALID, "FIELD_TOO_LONG", "never")
items = st.builds(Item, tenant=st.text(st.characters(codec="utf-8"), max_size=8), body=st.binary(max_size=40))


@dataclass(slots=True)
class Peer:
    """The other service: takes everything unless told what to answer."""

    answers: list[MeshError | None] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, given_items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Take what comes."""
        outcomes = [self.answers.pop(0) if self.answers else None for _ in given_items]
        taken = [item for item, outcome in zip(given_items, outcomes, strict=True) if outcome is None]
        self.got.extend(item.body.decode() for item in taken)
        self.changed.set()
        return outcomes

    async def has(self, *bodies: str) -> None:
        """Wait until all of these were taken."""
        async with asyncio.timeout(10):
            while not set(bodies) <= set(self.got):
                self.changed.clear()
                await self.changed.wait()


@dataclass(slots=True)
class Sizes:
    """Another service, which takes everything and notes what came together."""

    groups: list[list[int]] = field(default_factory=list)

    async def __call__(self, given_items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Take what comes."""
        self.groups.append([len(each.body) for each in given_items])
        return [None] * len(given_items)


def item(body: str, tenant: str = "acme") -> Item:
    """Return an item."""
    return Item(tenant=tenant, body=body.encode())


def files(folder: Path) -> dict[str, int]:
    """Return what is in a folder, with its sizes."""
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def contents(folder: Path) -> bytes:
    """Return all that is in the files of a folder."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def drained(spool: Spool) -> None:
    """Deliver until nothing waits."""
    while not await spool.drain():
        pass


@given(st.lists(items, max_size=6))
def test_frames_come_back(written: list[Item]) -> None:
    """Every item comes back as it was, in order."""
    assert list(frames.read(b"".join(map(frames.write, written)))) == written


@given(st.lists(items, min_size=1, max_size=4), st.data())
def test_torn_tail_costs_only_itself(written: list[Item], data: st.DataObject) -> None:
    """Cut anywhere, or followed by zeros or garbage, all whole frames before are read and nothing else."""
    whole = b"".join(map(frames.write, written[:-1]))
    last = frames.write(written[-1])
    kept = data.draw(st.integers(0, len(last) - 1))
    tail = data.draw(st.sampled_from([b"", bytes(64)]))

    torn = last[:kept] + tail
    if not torn.startswith(last):
        assert list(frames.read(whole + torn)) == written[:-1]


@pytest.mark.spec("REC-02", "T11")
async def test_delivered_in_order_and_then_gone(tmp_path: Path) -> None:
    """What is put arrives once, in order and tenant by tenant, and leaves nothing behind."""
    peer = Peer()
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        await asyncio.gather(*(spool.put(item(f"{n:03}", tenant=f"t{n % 2}")) for n in range(120)))
        await drained(spool)

    assert peer.got == [f"{n:03}" for n in range(120)]
    assert files(tmp_path) == {"growing": 0, "lock": 0}


@pytest.mark.spec("T11")
async def test_kept_while_the_other_service_is_away(tmp_path: Path) -> None:
    """Refusals that pass are waited out; nothing is forgotten before its acknowledgement."""
    peer = Peer(answers=[AWAY, None, None, AWAY])
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        for body in "ab":
            await spool.put(item(body))
        await drained(spool)

    assert set(peer.got) == {"a", "b"}


async def test_runs_until_the_other_service_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone, the spool asks again by itself, and sends what comes meanwhile."""
    monkeypatch.setattr(spooling, "FIRST_PAUSE_S", 0.001)
    peer = Peer(answers=[AWAY, AWAY])
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        running = asyncio.create_task(spool.run())
        await spool.put(item("a"))
        await peer.has("a")
        await spool.put(item("b"))
        await peer.has("b")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("kind", [Kind.UNAUTHENTICATED, Kind.DENIED, Kind.CANCELLED])
async def test_what_may_not_be_delivered_now_waits(tmp_path: Path, kind: Kind) -> None:
    """A refusal of whoever delivers is none of the items: they are neither put aside nor lost."""
    peer = Peer(answers=[None, CallerError(kind, "CALLER_NOT_ALLOWED", "not now")])
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        for body in "ab":
            await spool.put(item(body))
        assert not await spool.drain()
        await drained(spool)

    assert set(peer.got) == {"a", "b"}
    assert "refused" not in files(tmp_path)


async def test_no_message_is_too_large(tmp_path: Path) -> None:
    """As many items go together as fit into a message; one that is larger goes alone."""
    peer = Sizes()
    async with Spool(tmp_path, peer, max_bytes=16 << 20) as spool:
        for size in (1 << 20, 1 << 20, 1, 3 << 20, 1):
            await spool.put(Item(tenant="acme", body=bytes(size)))
        await drained(spool)

    assert peer.groups == [[1 << 20, 1 << 20], [1], [3 << 20], [1]]


async def test_what_will_never_be_taken_is_put_aside(tmp_path: Path) -> None:
    """A bad item does not stop those behind it, and is not lost either."""
    peer = Peer(answers=[None, BAD, None])
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        for body in "abc":
            await spool.put(item(body))
        await drained(spool)

    assert peer.got == ["a", "c"]
    assert list(frames.read((tmp_path / "refused").read_bytes())) == [item("b")]


@pytest.mark.spec("T11", "REC-02")
async def test_replayed_on_the_next_start(tmp_path: Path) -> None:
    """What a process had put and not delivered is delivered by the next one, before anything new."""
    async with Spool(tmp_path, Peer(), max_bytes=LIMIT, segment_bytes=40) as spool:
        for body in "abcdef":
            await spool.put(item(body))

    peer = Peer()
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        await spool.put(item("new"))
        await drained(spool)

    assert peer.got == [*"abcdef", "new"]


@pytest.mark.spec("REC-05")
async def test_full_spool_refuses(tmp_path: Path) -> None:
    """Beyond its bytes the spool takes nothing and says when to come again; when it was emptied it does."""
    peer = Peer()
    async with Spool(tmp_path, peer, max_bytes=40) as spool:
        await spool.put(item("x" * 20))
        with pytest.raises(WorldError) as raised:
            await spool.put(item("y" * 20))
        await drained(spool)
        await spool.put(item("y" * 20))

    assert (raised.value.kind, raised.value.reason) == (Kind.EXHAUSTED, "QUEUE_FULL")
    assert raised.value.retry_after_s


async def test_full_disk_refuses_and_keeps_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that the disk breaks off in the middle is refused; what was put before and after is whole."""
    peer, real = Peer(), os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 8:
            raise OSError(28, "no space left on device")
        return real(file, data[: len(data) // 2])

    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        await spool.put(item("before"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", half)
            with pytest.raises(WorldError, match="QUEUE_FULL"):
                await spool.put(item("lost"))
        await spool.put(item("after"))
        await drained(spool)

    assert peer.got == ["before", "after"]


async def test_one_process_a_spool(tmp_path: Path) -> None:
    """A second process is refused the folder."""
    async with Spool(tmp_path, Peer(), max_bytes=LIMIT):
        with pytest.raises(SpoolError, match="another process"):
            await asyncio.to_thread(segments.Segments, tmp_path)


CHILD = """
import asyncio, os, pathlib, sys
from services.chassis.spool import Item, Spool, segments
point, folder = sys.argv[1:]
real_write, real_sync, real_rename = os.write, os.fdatasync, pathlib.Path.rename
armed = False

def write(file, data):
    if armed and point == "mid-frame":
        real_write(file, data[: len(data) // 2]); os._exit(137)
    return real_write(file, data)

def sync(file):
    if armed and point == "before fsync": os._exit(137)
    real_sync(file)
    if armed and point == "after fsync": os._exit(137)

def rename(self, target):
    if armed and point == "before rename": os._exit(137)
    real_rename(self, target)
    if armed and point == "after rename": os._exit(137)

async def deliver(items):
    if armed and point == "during replay": os._exit(137)
    return [None] * len(items)

async def main():
    global armed
    segments.os.write, segments.os.fdatasync, segments.Path.rename = write, sync, rename
    async with Spool(pathlib.Path(folder), deliver, max_bytes=1 << 20) as spool:
        for n in range(5):
            await spool.put(Item(tenant="acme", body=f"acked-{n}".encode()))
            print(f"acked-{n}", flush=True)
        armed = True
        if point in {"during replay", "before rename", "after rename"}: await spool.run()
        await spool.put(Item(tenant="acme", body=b"unacked"))
asyncio.run(main())
"""


@pytest.mark.spec("REC-02", "T11")
@pytest.mark.parametrize(
    "point", ["mid-frame", "before fsync", "after fsync", "before rename", "after rename", "during replay"]
)
async def test_killed(tmp_path: Path, point: str) -> None:
    """K7: a process that dies at any point loses nothing that it was told is durable, and leaves no half item."""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'gen/python'}"}
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CHILD, point, str(tmp_path)],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    acknowledged = child.stdout.split()
    assert (child.returncode, len(acknowledged)) == (137, 5), child.stderr

    peer = Peer()
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        await drained(spool)

    assert [body for body in peer.got if body != "unacked"] == acknowledged
    assert peer.got.count("unacked") <= 1


@pytest.mark.spec("REC-06")
async def test_a_slow_disk_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a write waits for the disk the event loop goes on, and what waits is told until it is delivered."""
    reached, go_on = asyncio.Event(), threading.Event()
    loop, real_sync = asyncio.get_running_loop(), os.fdatasync

    def slow_sync(file: int) -> None:
        loop.call_soon_threadsafe(reached.set)
        assert go_on.wait(10)
        real_sync(file)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    async with Spool(tmp_path, Peer(), max_bytes=LIMIT) as spool:
        writing = asyncio.create_task(spool.put(item("slow")))
        await asyncio.wait_for(reached.wait(), 10)  # the loop turns although the disk does not
        assert not writing.done()
        assert waits() == 0
        go_on.set()
        await writing
        assert waits() > 0
        await drained(spool)
        assert waits() == 0


def waits() -> float:
    """Return for how long something has waited."""
    return REGISTRY.get_sample_value("magistrate_spool_waiting_seconds", {"shard": "shard-0"}) or 0.0


@pytest.mark.spec("REC-02", "T11")
async def test_last_frame_is_cut_anywhere(tmp_path: Path) -> None:
    """K7: a file whose last frame lacks 1 to all of its bytes gives every frame before it, and goes on behind them."""
    kept, torn = [item("acked-1"), item("acked-2")], frames.write(item("torn"))
    whole = b"".join(map(frames.write, kept))
    for cut in range(1, len(torn) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "growing").write_bytes(whole + torn[:-cut])

        peer = Peer()
        async with Spool(folder, peer, max_bytes=LIMIT) as spool:
            await spool.put(item("new"))
            await drained(spool)

        assert peer.got == ["acked-1", "acked-2", "new"]


@pytest.mark.spec("E1")
async def test_what_waits_can_be_rewritten(tmp_path: Path) -> None:
    """Items in every segment and those put aside become what they are made of, in their order; nothing else changes."""

    def without(one: Item) -> Item:
        return Item(tenant=one.tenant, body=one.body.replace(b"secret", b"-"))

    peer = Peer(answers=[BAD])
    async with Spool(tmp_path, peer, max_bytes=LIMIT, segment_bytes=32) as spool:
        await spool.put(item("aside secret"))
        await drained(spool)
        for body in ("one secret", "two", "three secret"):
            await spool.put(item(body))
        changed = await spool.rewrite(without)
        again = await spool.rewrite(without)
        on_disk = contents(tmp_path)
        await drained(spool)

    assert (changed, again) == (3, 0)
    assert b"secret" not in on_disk
    assert peer.got == ["one -", "two", "three -"]
    assert [one.body for one in frames.read((tmp_path / "refused").read_bytes())] == [b"aside -"]


async def test_a_rewrite_that_was_cut_short_leaves_the_old_file(tmp_path: Path) -> None:
    """A crash before the new file took its place loses nothing, and its leftover is no segment."""
    async with Spool(tmp_path, Peer(answers=[AWAY]), max_bytes=LIMIT) as spool:
        await spool.put(item("kept"))
    (tmp_path / "rewritten").write_bytes(frames.write(item("half"))[:-1])
    peer = Peer()
    async with Spool(tmp_path, peer, max_bytes=LIMIT) as spool:
        await drained(spool)

    assert peer.got == ["kept"]
    assert not (tmp_path / "rewritten").exists()
