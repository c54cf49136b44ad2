"""One run from the start of the parts to the verdict."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import MeshError
from tools.chaos.disturb import Disturber
from tools.chaos.history import History, Place
from tools.chaos.oracle import read, violations
from tools.chaos.plan import Disturbance, draw
from tools.chaos.producers import Producers, payload
from tools.chaos.system import POLL_S, System, running_system

BACK_S = 60.0
"""Within what time after the last disturbance everything must have been delivered and signed."""
SAMPLE = 500
"""So many records, and as many erased ones, are read back."""
FATAL = "LogDivergedError"
"""What a recorder says that would have forked its log."""


async def run(
    root: Path, seed: int, seconds: float, history: History, said: Callable[[Disturbance], None]
) -> list[str]:
    """Return the promises that were broken."""
    plan = draw(seed, seconds)
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(root, seed))
        producers = Producers(system, history)
        await stack.enter_async_context(producers.calling())
        keeping = asyncio.create_task(_keep_up(system, history))
        try:
            async with asyncio.timeout(seconds + 2 * BACK_S) as limit:
                async with producers.running():
                    await Disturber(system, producers, history).follow(plan, said)
                    limit.reschedule(asyncio.get_running_loop().time() + BACK_S)
                    await system.ready()
                broken = await _contents(producers, history)
                await _signed(producers)
        except TimeoutError:
            broken = [f"not everything was delivered and signed within {BACK_S:.0f} s after the last disturbance"]
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        logs = await asyncio.to_thread(read, system.superuser)
        return [*broken, *violations(logs, history.places, history.promised), *_forks(root)]


async def _keep_up(system: System, history: History) -> None:
    """Start what ended by itself again, as whatever runs the services in earnest does."""
    while True:
        for process in (*system.recorders, system.publisher):
            if process.fell:
                history.note(f"ended by itself with {process.alive.exit_code}", process.log.name)
                await process.start()
        await asyncio.sleep(POLL_S)


async def _contents(producers: Producers, history: History) -> list[str]:
    """Read some records back; what was erased must be gone, all else must be what was sent, or erased."""
    erased, others = sorted(history.erasable)[:SAMPLE], sorted(history.places.keys() - history.erasable)
    step = max(1, len(others) // SAMPLE)
    broken = list[str]()
    for key in (*erased, *others[::step]):
        (place, *_) = history.places[key]
        record = await _read(producers, place)
        if key in history.erasable and record.body_state != pb.BODY_STATE_ERASED:
            broken.append(f"{key} was erased and can be read")
        if record.body_state == pb.BODY_STATE_PRESENT and record.payload != payload(key):
            broken.append(f"{key} has another content")
        if record.body_state == pb.BODY_STATE_ERASED and not history.people.get(key):
            broken.append(f"{key} is about nobody and was erased")
    return broken


async def _read(producers: Producers, place: Place) -> pb.Record:
    request = pb.GetRecordRequest(at=pb.LogIndex(origin=place.origin, index=place.index))
    while True:
        with suppress(MeshError):
            return (await producers.stub(place.index).GetRecord(request)).record
        await asyncio.sleep(POLL_S)


async def _signed(producers: Producers) -> None:
    """Return once a checkpoint covers all that was recorded."""
    while True:
        with suppress(MeshError):
            await producers.stub(0).GetCheckpoint(pb.GetCheckpointRequest())
            return
        await asyncio.sleep(POLL_S)


def _forks(root: Path) -> Iterator[str]:
    for log in root.glob("recorder-*/*.log"):
        if FATAL in log.read_text(errors="replace"):
            yield f"{log.parent.name} met a log that would have forked"
