"""Exports of a recorder in this process, written into folders."""

import asyncio
from pathlib import Path
from typing import Any

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.call import Principal
from tests.contract.recorder.client import Stub, calling, entry, recording
from tests.fakes.postgres import Database
from tools.archive import write
from tools.archive.writer import Written

BASIS = "GDPR Art. 17(1)(a)"
RECORDS = 600
ADA = "ada"
"""One of every ten records is about her."""


async def pieces(stub: Stub, **wanted: Any) -> list[pb.ExportResponse]:
    """Return all pieces of an export."""
    return [piece async for piece in stub.Export(pb.ExportRequest(**wanted))]


async def export(stub: Stub, folder: Path, **wanted: Any) -> Written:
    """Write an export into a folder."""
    return write(await pieces(stub, **wanted), folder)


async def fill(stub: Stub, start: int, stop: int) -> None:
    """Append records of several people, with a checkpoint behind them."""
    entries = [
        entry(f"k{n}", decision_id=f"d{n}", subject_id=_person(n), payload=f"answer {n}".encode())
        for n in range(start, stop)
    ]
    async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=entries)])):
        assert not any(each.reason for each in answer.acknowledgements)
    await stub.GetCheckpoint(pb.GetCheckpointRequest())


def made(database: Database, keys: Path, folder: Path, *, erased: bool = True, **wanted: Any) -> None:
    """Export a log of 600 records (601 with the erasure of Ada) and a checkpoint every hundred."""
    asyncio.run(_made(database, keys, folder, erased=erased, **wanted))


async def _made(database: Database, keys: Path, folder: Path, *, erased: bool, **wanted: Any) -> None:
    principal = Principal(tenant=f"t-{folder.name}", subject="auditor", roles=("admin",))
    async with recording(database, keys) as recorder, calling(recorder, principal, timeout_s=60) as stub:
        for start in range(0, RECORDS, 100):
            await fill(stub, start, start + 100)
        if erased:
            await stub.EraseSubject(pb.EraseSubjectRequest(subject_id=ADA, legal_basis=BASIS))
        await export(stub, folder, **wanted)


def _person(number: int) -> str:
    return ADA if number % 10 == 0 else f"person-{number % 10}"
