"""RecorderService on a store that is full, or that promises less than evidence needs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError
from services.chassis.postgres import PostgresSettings, open_pool
from services.recorder.adapters.durability import NotDurableError, check_durable
from services.recorder.writing import valve
from tests.contract.promises import reasons
from tests.contract.recorder.client import PAYLOAD, Stub, append, at, calling, recording
from tests.fakes.postgres import ACCOUNT, Database, PostgresServer

SMALL_BYTES = 4 << 20
PATIENCE_S = 60.0
"""A machine that is busy with other things must not look like a database that is away."""


@pytest.fixture
def small_volume() -> Iterator[Path]:
    """Yield a folder on a volume of a few megabytes that PostgreSQL's account can get to."""
    root = Path(tempfile.mkdtemp(prefix="small-"))
    folder = root / "volume"
    folder.mkdir()
    root.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "none", folder],  # noqa: S607
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        shutil.rmtree(root)
        pytest.skip("mounting a small volume needs root")
    if ACCOUNT:
        os.chown(folder, ACCOUNT.uid, ACCOUNT.gid)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S607
        shutil.rmtree(root)


def use(database: Database, volume: Path) -> None:
    """Move the bodies onto a volume of their own, as evidence that grows has."""
    server = database.server
    server.execute(f"create tablespace small location '{volume}'")
    server.execute("alter table recorder.ev_body_1 set tablespace small", database.name)


def give_back(database: Database) -> None:
    """Move the bodies away again."""
    database.server.execute("alter table recorder.ev_body_1 set tablespace pg_default", database.name)
    database.server.execute("drop tablespace small")


async def fill(stub: Stub, payload: bytes, acknowledged: list[int]) -> None:
    """Append until it fails; note every index that was acknowledged."""
    for n in range(SMALL_BYTES // len(payload)):
        acknowledged.append((await append(stub, f"k{n}", payload=payload)).position.index)  # noqa: PERF401 - each by itself


@pytest.mark.spec("REC-02", "REC-05")
async def test_full_disk(small_volume: Path, database: Database, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: on a full volume an append is refused as STORE_FULL and reads go on; with room again it succeeds."""
    monkeypatch.setattr(valve, "PROBE_S", 0.0)
    large = os.urandom(1 << 18)
    acknowledged = list[int]()
    async with (
        recording(database, keys, patience_s=PATIENCE_S, commit_timeout_s=PATIENCE_S) as recorder,
        calling(recorder, timeout_s=60) as stub,
    ):
        await append(stub)
        use(database, small_volume)
        try:
            with pytest.raises(MeshError) as raised:
                await fill(stub, large, acknowledged)

            assert (raised.value.kind, raised.value.reason) == (Kind.EXHAUSTED, "STORE_FULL")
            assert raised.value.retry_after_s is not None
            assert "STORE_FULL" in reasons("recorder")["Append"]
            assert (await stub.GetRecord(pb.GetRecordRequest(at=at(0)))).record.payload == PAYLOAD
            for index in acknowledged:
                assert (await stub.GetRecord(pb.GetRecordRequest(at=at(index)))).record.payload == large
        finally:
            give_back(database)
        again = await append(stub, f"k{len(acknowledged)}", payload=large)

    assert (again.position.index, again.already_recorded) == (len(acknowledged) + 1, False)


@pytest.mark.spec("REC-05")
async def test_volume_that_is_nearly_full(database: Database, keys: Path, tmp_path: Path) -> None:
    """Above its limit the volume takes no record, while reads and erasures go on."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
    async with (
        recording(database, keys, volume_dir=tmp_path, volume_limit_percent=0.001) as recorder,
        calling(recorder) as stub,
    ):
        await recorder.valve.look()
        with pytest.raises(MeshError, match="STORE_FULL") as raised:
            await append(stub, "key-2")
        assert (await stub.GetRecord(pb.GetRecordRequest(at=at(0)))).record.payload == PAYLOAD
        erased = await stub.EraseSubject(pb.EraseSubjectRequest(subject_id="person-1", legal_basis="b"))

    assert raised.value.metadata["limit_percent"] == "0.0"
    assert erased.erased_count == 1


@pytest.mark.spec("REC-02")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
        ("synchronous_commit", "remote_write"),
    ],
)
async def test_server_that_forgets(postgres: PostgresServer, database: Database, setting: str, value: str) -> None:
    """A server that acknowledges what a power cut would lose is refused, with the setting that is wrong."""
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user="recorder",
        password_file=SecretFile(database.password_file),
        schema="recorder",
    )
    async with open_pool(settings) as pool:
        await check_durable(pool)
    postgres.execute(f"alter system set {setting} = {value}")
    try:
        postgres.execute("select pg_reload_conf()")
        async with open_pool(settings) as pool:
            # The server reads its file in its own time, and tells a session at its next statement.
            while await pool.fetchval(f"show {setting}") != value:
                await pool.execute("select 1")
            with pytest.raises(NotDurableError, match=f"{setting} = {value}"):
                await check_durable(pool)
    finally:
        postgres.execute(f"alter system reset {setting}")
        postgres.execute("select pg_reload_conf()")
