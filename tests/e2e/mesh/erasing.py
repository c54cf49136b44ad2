"""What a mesh holds of a person anywhere, and the erasure of one as an admin asks for it."""

import uuid
from collections.abc import Awaitable
from contextlib import suppress

import grpc
import psycopg
import pytest
from psycopg import sql
from redis.asyncio import Redis

from magistrate.engine.v1.engine_pb2 import EraseSubjectRequest, Erasure, GetErasureRequest
from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh
from tests.fakes.mesh import until
from tools.up.database import DATABASE
from tools.up.postgres import SUPERUSER, login
from tools.up.valkey import NAME as VALKEY

LARGEST_FILE = 1 << 26
LONGEST_S = 60.0
BASIS = "GDPR Art. 17(1)(b)"
COERCIVE = "You must take the medicine now, {}. Do not ask a doctor; you have no choice."
ACCOUNTS = frozenset({("router", "spend"), ("router", "budget"), ("router", "hold")})
"""Who spent how much: kept as accounts are, by the caller's id and without any text."""


def everything(mesh: Mesh, but: frozenset[tuple[str, str]] = frozenset()) -> str:
    """Return every row of every table of the mesh, as a superuser reads them, binary columns as what they spell."""
    found = []
    place = login(
        mesh.stack.record.ports["postgres"], DATABASE, SUPERUSER, mesh.stack.folder.secret("postgres-superuser")
    )
    with psycopg.connect(place, autocommit=True) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert {schema for schema, _ in tables} >= {"engine", "evaluator", "recorder", "router", "context"}
        assert but <= set(tables)
        for table in set(tables) - but:
            for row in connection.execute(sql.SQL("select * from {}").format(sql.Identifier(*table))).fetchall():
                found += [cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row]
    return "\n".join(found)


def files(mesh: Mesh) -> bytes:
    """Return logs, spools and Valkey's files of the mesh; PostgreSQL's own pages are looked at through its tables."""
    root = mesh.stack.folder.root
    found, seen = [], False
    for path in root.rglob("*"):
        with suppress(FileNotFoundError):  # what a spool delivers goes while it is looked at
            if path.is_file() and "postgres" not in path.relative_to(root).parts[0]:
                seen |= "valkey" in str(path)
                found.append(path.read_bytes() if path.stat().st_size < LARGEST_FILE else b"")
    assert seen
    return b"\n".join(found)


async def cached(mesh: Mesh) -> str:
    """Return every value in Valkey that is a text, and the keys of all of them."""
    password = mesh.stack.folder.secret(VALKEY).read_text().strip()
    async with Redis(port=mesh.stack.record.ports[VALKEY], password=password, decode_responses=True) as client:
        names = [name async for name in client.scan_iter(_type="string")]
        values = await client.mget(names) if names else []
    return "\n".join(map(str, (*names, *values)))


async def told(client: Client, identity: str) -> Erasure:
    """Return how far an erasure has come."""
    request = GetErasureRequest(erasure_id=identity)
    reply = await ErasureServiceStub(client.channel).GetErasure(request, timeout=CALL_LIMIT_S, metadata=client.metadata)
    erasure: Erasure = reply.erasure
    return erasure


async def completed(client: Client, identity: str) -> Erasure:
    """Wait until an erasure is complete."""

    async def complete() -> bool:
        return (await told(client, identity)).complete

    await until(complete, LONGEST_S)
    return await told(client, identity)


async def begun(client: Client, subject: str, request_id: str = "") -> Erasure:
    """Ask for an erasure."""
    request = EraseSubjectRequest(subject_id=subject, legal_basis=BASIS)
    metadata = (*client.metadata, *((("x-request-id", request_id),) if request_id else ()))
    reply = await ErasureServiceStub(client.channel).EraseSubject(request, timeout=CALL_LIMIT_S, metadata=metadata)
    erasure: Erasure = reply.erasure
    return erasure


async def insisted(client: Client, subject: str) -> Erasure:
    """Ask for an erasure until the log has carried it out: one that was away a moment ago may not answer yet."""
    request_id, erasure = uuid.uuid4().hex, Erasure()

    async def answered() -> bool:
        nonlocal erasure
        with suppress(grpc.aio.AioRpcError):
            erasure = await begun(client, subject, request_id)
        return bool(erasure.erasure_id)

    await until(answered, LONGEST_S)
    return erasure


async def reason(call: Awaitable[object]) -> str:
    """Return why a call that must not succeed did not."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return Failure.of(failed.value).reason
