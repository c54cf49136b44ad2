"""The right process is ended, and no other."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.up.processes import Child, Command, alive, await_end, birth, kill_session, run_to_end, send

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
)
PARENT = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; sleep = 'import time; time.sleep(600)'; "  # noqa: ISC004 - one program
    "child = subprocess.Popen([sys.executable, '-c', sleep]); print(child.pid, flush=True); child.wait()",
)


async def _started(command: Command, log: Path) -> Child:
    """Start a command that says something as soon as it is up."""
    child = await Child.start(command, log)
    while not _size(log):
        assert child.exit_code is None
        await asyncio.sleep(0)
    return child


def _size(log: Path) -> int:
    return log.stat().st_size


def test_a_process_that_ended_has_no_birth() -> None:
    """Neither a number that nobody has nor a process that waits to be buried is alive."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert birth(process.pid) is None


def test_another_process_with_the_number_is_not_ours() -> None:
    """A recycled pid is not mistaken for the process that had it before."""
    assert alive(os.getpid(), birth(os.getpid()) or "")
    assert not alive(os.getpid(), "born another time")


def test_signals_reach_only_the_process_that_is_meant() -> None:
    """A record of an earlier process cannot end the one that has its number now."""
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as process:
        send(process.pid, "born another time", signal.SIGKILL)
        kill_session(process.pid, "born another time")
        assert process.poll() is None
        send(process.pid, birth(process.pid) or "", signal.SIGKILL)

        assert process.wait() == -signal.SIGKILL


async def test_a_child_ends_on_its_signal(tmp_path: Path) -> None:
    """A process that obeys is not killed."""
    child = await _started(Command(argv=SLEEPER), tmp_path / "log")
    await child.stop()

    assert child.exit_code == -signal.SIGTERM
    assert not alive(child.pid, child.born)


async def test_a_stubborn_child_is_killed(tmp_path: Path) -> None:
    """A process that ignores its signal ends all the same."""
    child = await _started(Command(argv=STUBBORN, stop_patience_s=0.1), tmp_path / "log")
    await child.stop()

    assert child.exit_code == -signal.SIGKILL


async def test_killing_takes_the_grandchildren_along(tmp_path: Path) -> None:
    """What a part started itself does not survive its kill."""
    child = await _started(Command(argv=PARENT), tmp_path / "log")
    grandchild = int((tmp_path / "log").read_text())
    born = birth(grandchild)
    assert born is not None
    child.kill()
    await child.wait()

    assert await_end(grandchild, born, 30)


async def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    """A restart does not erase what the part said before it crashed."""
    log = tmp_path / "log"
    command = Command(argv=(sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"))

    assert await run_to_end(command, log) == 0
    assert await run_to_end(command, log) == 0
    assert sorted(log.read_text().split()) == ["err", "err", "out", "out"]


async def test_a_child_sees_only_the_environment_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor's environment, keys included, stays with the supervisor."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    log = tmp_path / "log"
    show = Command(argv=(sys.executable, "-c", "import os; print(dict(os.environ))"), env={"MARK": "1"})
    await run_to_end(show, log)

    assert "MARK" in log.read_text()
    assert "sk-secret" not in log.read_text()
