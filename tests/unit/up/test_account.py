"""Root lends PostgreSQL an account that reaches what it needs and nothing else."""

import asyncio
import contextlib
import grp
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tools.up.account import Account, let_through, owned_folder, reachable_copy, unprivileged
from tools.up.failures import StackError
from tools.up.processes import Command, run_to_end

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder below one that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="account") as folder:
        yield Path(folder)


def test_a_reachable_copy_is_made_once(place: Path) -> None:
    """A second start takes what is there."""
    source, copy = place / "source", place / "shared" / "copy"
    source.mkdir()
    (source / "program").write_text("one")

    assert copy == reachable_copy(source, copy)
    (source / "program").write_text("two")
    assert (reachable_copy(source, copy) / "program").read_text() == "one"


@pytest.mark.skipif(os.geteuid() == 0, reason="root has its own promise")
def test_a_user_runs_postgresql_as_himself() -> None:
    """Nothing is changed where nothing needs to be."""
    assert unprivileged() is None


@as_root
def test_the_account_passes_but_sees_nothing(place: Path) -> None:
    """The server gets to its data through a folder that it cannot list."""
    account = _account()
    place.chmod(0o700)
    assert not account.may("-x", place)
    let_through(place, account)
    data = owned_folder(place / "data", account)

    assert account.may("-x", place)
    assert not account.may("-r", place)
    assert account.may("-w", data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@as_root
def test_a_machine_without_an_account_says_which_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure names what would be right."""
    monkeypatch.setattr("tools.up.account.CANDIDATES", ("no-such-account",))
    with pytest.raises(StackError, match="no unprivileged account") as failure:
        unprivileged()

    assert "no-such-account" in failure.value.hint


def _account() -> Account:
    account = unprivileged()
    assert account is not None
    return account


@as_root
async def test_programs_start_as_the_account_beside_calls_in_flight(place: Path) -> None:
    """With its identity and no other groups, each of many, while this process speaks gRPC."""
    account = unprivileged()
    assert account is not None
    command = Command(argv=("/usr/bin/id", "-G", "-n"), account=account, cwd=place)
    busy = [asyncio.create_task(_ask_nobody(place)) for _ in range(4)]
    codes = [await run_to_end(command, place / "log") for _ in range(60)]
    for task in busy:
        task.cancel()

    assert codes == [0] * 60
    assert set((place / "log").read_text().split()) == {grp.getgrgid(account.gid).gr_name}


async def _ask_nobody(place: Path) -> None:
    while True:
        async with grpc.aio.insecure_channel(f"unix:{place}/nobody.sock") as channel:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
