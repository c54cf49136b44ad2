"""Parts start in order and side by side, come back when they crash, and stop callers first."""

import asyncio
import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tools.up.crew import Crew
from tools.up.events import Event, Kind
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.ledger import Ledger
from tools.up.part import Part
from tools.up.processes import Command
from tools.up.state import Phase, StackRecord, read

SERVE = "from pathlib import Path; import sys, time; Path(sys.argv[1]).touch(); time.sleep(600)"
STUCK_ONCE = (
    "from pathlib import Path; import sys, time; again = Path(sys.argv[1] + '.again');"
    "again.exists() and Path(sys.argv[1]).touch(); again.touch(); time.sleep(600)"
)
FAIL = "print('the reason'); raise SystemExit(7)"


class Fake(Part):
    """A real process that is ready when its file exists."""

    def __init__(self, name: str, mark: Path, *, after: tuple[str, ...] = (), code: str = SERVE) -> None:
        self.name = name
        self.after = after
        self.hint = f"look at {name}"
        self._mark = mark / name
        self._code = code

    def command(self) -> Command:
        """Return the process."""
        return Command(argv=(sys.executable, "-c", self._code, str(self._mark)))

    async def prepare(self) -> None:
        """Forget the last process."""
        self._mark.unlink(missing_ok=True)

    async def ready(self) -> bool:
        """Look for the file."""
        return self._mark.exists()


class Unwritable(Fake):
    """A part whose files do not fit on the disk."""

    async def prepare(self) -> None:
        """Fail as the system does."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "full.conf")


class Stage:
    """A crew, and what it told."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root=root / "state")
        self.folder.create()
        self.ledger = Ledger(self.folder, StackRecord())
        self.events: list[Event] = []
        self._heard = asyncio.Event()

    def crew(self, *parts: Part) -> Crew:
        """Return the crew of ``parts``, ready to start."""
        crew = Crew(parts, self.folder, self.ledger, self._report)
        self.ledger.open(crew.plan())
        return crew

    def order(self, kind: Kind) -> list[str]:
        """Return the parts in the order in which they told of ``kind``."""
        return [event.part for event in self.events if event.kind is kind]

    async def until(self, kind: Kind, part: str, times: int = 1) -> None:
        """Wait until ``part`` told of ``kind``."""
        async with asyncio.timeout(60):
            while self.order(kind).count(part) < times:
                self._heard.clear()
                await self._heard.wait()

    def _report(self, event: Event) -> None:
        self.events.append(event)
        self._heard.set()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return an empty stage."""
    return Stage(tmp_path)


async def test_a_part_waits_for_those_before_it(stage: Stage, tmp_path: Path) -> None:
    """A service never starts before its store is ready."""
    crew = stage.crew(Fake("service", tmp_path, after=("store",)), Fake("store", tmp_path))
    async with asyncio.TaskGroup() as keepers:
        await crew.start(keepers)
        kinds = [(event.kind, event.part) for event in stage.events]
        assert kinds.index((Kind.READY, "store")) < kinds.index((Kind.STARTING, "service"))
        assert read(stage.folder).parts["service"].phase is Phase.READY
        _end(keepers)
    await crew.stop()


async def test_a_part_stops_after_those_that_need_it(stage: Stage, tmp_path: Path) -> None:
    """A store goes on until nobody writes to it any more."""
    store = Fake("store", tmp_path)
    store.stops_after = ("service",)
    crew = stage.crew(store, Fake("service", tmp_path))
    async with asyncio.TaskGroup() as keepers:
        await crew.start(keepers)
        _end(keepers)
    await crew.stop()

    assert stage.order(Kind.STOPPING) == ["service", "store"]
    assert all(part.process is None for part in read(stage.folder).parts.values())


async def test_a_crashed_part_is_started_again(stage: Stage, tmp_path: Path) -> None:
    """Kill -9 of one part costs a moment, and the record says that it happened."""
    crew = stage.crew(Fake("service", tmp_path))
    async with asyncio.TaskGroup() as keepers:
        await crew.start(keepers)
        process = stage.ledger.record.parts["service"].process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await stage.until(Kind.READY, "service", times=2)
        record = read(stage.folder).parts["service"]
        assert record.restarts == 1
        assert record.process is not None
        assert record.process.pid != process.pid
        _end(keepers)
    await crew.stop()

    assert "signal 9" in next(event.text for event in stage.events if event.kind is Kind.ENDED)


async def test_a_crash_while_nothing_can_be_recorded_costs_no_other_part(stage: Stage, tmp_path: Path) -> None:
    """On a full disk a part comes back all the same, and the record says so once there is room."""
    crew = stage.crew(Fake("service", tmp_path), Fake("other", tmp_path))
    async with asyncio.TaskGroup() as keepers:
        await crew.start(keepers)
        process = stage.ledger.record.parts["service"].process
        assert process is not None
        stage.folder.record.unlink()
        (stage.folder.record / "in the way").mkdir(parents=True)
        os.kill(process.pid, signal.SIGKILL)
        await stage.until(Kind.READY, "service", times=2)
        shutil.rmtree(stage.folder.record)
        stage.ledger.catch_up()
        record = read(stage.folder)
        _end(keepers)
    await crew.stop()

    assert record.parts["service"].restarts == 1
    assert stage.order(Kind.ENDED) == ["service"]


async def test_what_the_machine_refuses_is_explained(stage: Stage, tmp_path: Path) -> None:
    """A part whose files cannot be written fails as one sentence, with its name."""
    crew = stage.crew(Unwritable("full", tmp_path))
    with pytest.raises(ExceptionGroup) as failures:
        async with asyncio.TaskGroup() as keepers:
            await crew.start(keepers)
    await crew.stop()

    failure = _first(failures.value)
    assert (failure.part, failure.problem) == ("full", "full.conf: No space left on device")


async def test_a_part_that_fails_is_explained(stage: Stage, tmp_path: Path) -> None:
    """The failure names the part, its last words and what to look at."""
    crew = stage.crew(Fake("good", tmp_path), Fake("bad", tmp_path, code=FAIL))
    with pytest.raises(ExceptionGroup) as failures:
        async with asyncio.TaskGroup() as keepers:
            await crew.start(keepers)
    await crew.stop()

    failure = _first(failures.value)
    assert failure.part == "bad"
    assert failure.problem == "bad ended while starting (exit code 7)"
    assert failure.hint == "look at bad"
    assert failure.log == ("the reason",)


async def test_a_part_that_never_answers_is_given_up(stage: Stage, tmp_path: Path) -> None:
    """A start has a limit, and what was started is stopped."""
    silent = Fake("silent", tmp_path, code="import time; time.sleep(600)")
    silent.start_limit_s = 0.2
    crew = stage.crew(silent)
    with pytest.raises(ExceptionGroup, match="unhandled"):
        async with asyncio.TaskGroup() as keepers:
            await crew.start(keepers)
    process = stage.ledger.record.parts["silent"].process
    await crew.stop()

    assert process is not None
    assert not process.alive


async def test_a_start_that_gets_stuck_is_made_once_more(stage: Stage, tmp_path: Path) -> None:
    """The stuck process is ended, the second serves, and both are told."""
    stuck = Fake("stuck", tmp_path, code=STUCK_ONCE)
    stuck.start_limit_s = 3.0
    crew = stage.crew(stuck)
    async with asyncio.TaskGroup() as keepers:
        await crew.start(keepers)
        _end(keepers)
    await crew.stop()

    notes = [event.text for event in stage.events if event.kind is Kind.NOTE]
    assert notes == ["stuck did not answer within 3 s; started again"]
    assert stage.order(Kind.READY) == ["stuck"]


def _first(failures: BaseExceptionGroup[BaseException]) -> StackError:
    """Return the failure in the groups of those who waited for it."""
    failure = failures.exceptions[0]
    if isinstance(failure, BaseExceptionGroup):
        return _first(failure)
    assert isinstance(failure, StackError)
    return failure


def _end(keepers: asyncio.TaskGroup) -> None:
    """Cancel what watches the parts, as the supervisor's own cancellation does."""
    for task in list(keepers._tasks):
        task.cancel()
