"""What is known about a stack survives its supervisor, and two supervisors never share a folder."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.topology import SERVICES
from tools.up import state
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.processes import birth
from tools.up.state import PartRecord, Phase, ProcessRecord, StackRecord

HOLDER = """
import sys, time
from pathlib import Path
from tools.up import state
from tools.up.folder import Folder
with state.lock(Folder(root=Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a fresh state folder."""
    folder = Folder(root=tmp_path / "state")
    folder.create()
    return folder


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process in a session of its own, as a part of a stack is."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as process:
        yield process
        process.kill()


def _recorded(process: subprocess.Popen[bytes], *, born: str | None = None) -> StackRecord:
    recorded = ProcessRecord(pid=process.pid, born=born or birth(process.pid) or "", started_at=datetime.now(UTC))
    return StackRecord(parts={"valkey": PartRecord(phase=Phase.READY, process=recorded)})


def test_a_record_reads_as_it_was_written(folder: Folder) -> None:
    """Another program sees what the supervisor knows."""
    record = StackRecord(ready=True, edge="127.0.0.1:8443", ports={"edge": 8443}, parts={"envoy": PartRecord()})
    state.write(folder, record)

    assert record == state.read(folder)


def test_a_folder_without_a_record_is_empty(folder: Folder) -> None:
    """The first start needs no special case."""
    assert StackRecord() == state.read(folder)


def test_a_broken_record_is_named(folder: Folder) -> None:
    """Whoever edits the file by hand learns which file to mend."""
    folder.record.write_text("{")

    with pytest.raises(StackError, match=r"stack\.json cannot be read"):
        state.read(folder)


def test_a_second_supervisor_is_refused(folder: Folder) -> None:
    """Two supervisors on one folder would fight over its data."""
    with state.lock(folder), pytest.raises(StackError, match="already runs"), state.lock(folder):
        pass


def test_a_killed_holder_leaves_no_lock(folder: Folder) -> None:
    """After kill -9 nobody has to remove a lock file by hand."""
    command = [sys.executable, "-c", HOLDER, str(folder.root)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StackError), state.lock(folder):
            pass
        holder.kill()
        holder.wait()

        with state.lock(folder):
            pass


def test_leftovers_of_a_killed_supervisor_are_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """What still runs is found by pid and birth, and ended with its own signal."""
    assert state.end_leftovers(_recorded(sleeper)) == ("valkey",)
    assert sleeper.wait() == -signal.SIGTERM


def test_a_stranger_with_a_recycled_pid_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    """A process that merely has the number of an old part is not touched."""
    assert state.end_leftovers(_recorded(sleeper, born="another birth")) == ()
    assert sleeper.poll() is None


def test_sockets_live_in_the_state_folder_where_their_paths_fit(folder: Folder) -> None:
    """The usual place needs no note."""
    short = Folder(root=Path("/tmp") / folder.root.parent.name[:20])  # noqa: S108 - only its length matters
    short.create()
    try:
        run = state.socket_folder(short)
        assert run == short.root / "run"
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
    finally:
        state.remove_socket_folder(short, StackRecord(run_dir=str(run)))
        for inside in (short.secrets, short.logs, short.root):
            inside.rmdir()


def test_sockets_of_a_deep_state_folder_move_to_a_private_place(tmp_path: Path) -> None:
    """A path longer than the system takes costs nothing but a folder elsewhere."""
    deep = Folder(root=tmp_path / ("deep" * 30))
    deep.create()
    run = state.socket_folder(deep)

    assert all(len(os.fsencode(run / f"{service.name}-egress.sock")) <= 107 for service in SERVICES)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    state.remove_socket_folder(deep, StackRecord(run_dir=str(run)))
    assert not run.exists()


def test_only_our_own_socket_folder_is_removed(folder: Folder, tmp_path: Path) -> None:
    """A record that names a stranger's folder does not delete it."""
    precious = tmp_path / "precious"
    precious.mkdir()
    state.remove_socket_folder(folder, StackRecord(run_dir=str(precious)))

    assert precious.exists()
