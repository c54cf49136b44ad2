"""A planted string, erased: no table, no Valkey key and no spool holds it any more, whatever was killed on the way."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import psycopg
import pytest
from psycopg import sql

from magistrate.engine.v1.engine_pb2 import (
    EraseSubjectRequest,
    Erasure,
    GetDecisionRequest,
    GetErasureRequest,
    ListDecisionsRequest,
)
from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceStub
from magistrate.recorder.v1 import recorder_pb2
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh, serving_mesh
from tests.fakes.mesh import until
from tools.up.database import DATABASE
from tools.up.postgres import SUPERUSER, login

LARGEST_FILE = 1 << 26
LONGEST_S = 60.0
BASIS = "GDPR Art. 17(1)(b)"
COERCIVE = "You must take the medicine now, {}. Do not ask a doctor; you have no choice."


@pytest.fixture(scope="module")
def forgetting() -> Iterator[Mesh]:
    """Yield a mesh that caches what it may, and asks owners a second time after a second."""
    with serving_mesh(
        MAGISTRATE_ENGINE_ERASURE_GRACE_S="1", MAGISTRATE_ROUTER_CACHE_USE="semantic", MAGISTRATE_LOG_LEVEL="debug"
    ) as mesh:
        yield mesh


def everything(mesh: Mesh) -> str:
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
        for table in tables:
            for row in connection.execute(sql.SQL("select * from {}").format(sql.Identifier(*table))).fetchall():
                found += [cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row]
    return "\n".join(found)


def files(mesh: Mesh) -> bytes:
    """Return logs, spools and Valkey's files of the mesh; PostgreSQL's own pages are looked at through its tables."""
    root = mesh.stack.folder.root
    kept = [path for path in root.rglob("*") if path.is_file() and "postgres" not in path.relative_to(root).parts[0]]
    assert any("valkey" in str(path) for path in kept)
    return b"\n".join(path.read_bytes() for path in kept if path.stat().st_size < LARGEST_FILE)


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


async def begun(client: Client, subject: str) -> Erasure:
    """Ask for an erasure."""
    request = EraseSubjectRequest(subject_id=subject, legal_basis=BASIS)
    reply = await ErasureServiceStub(client.channel).EraseSubject(
        request, timeout=CALL_LIMIT_S, metadata=client.metadata
    )
    erasure: Erasure = reply.erasure
    return erasure


async def reason(call: Any) -> str:
    """Return why a call that must not succeed did not."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return Failure.of(failed.value).reason


@pytest.mark.spec("E1", "REC-15")
async def test_nothing_holds_a_planted_string(forgetting: Mesh) -> None:
    """Question, context, answer and review of a person are in no table, key, spool or log; all that is public stays."""
    plant, person = f"Zacharias-{uuid.uuid4().hex}", f"person-{uuid.uuid4().hex}"
    async with forgetting.client() as client:
        forgetting.local.say(COERCIVE.format(plant))
        about = await client.decide(
            f"Shall {plant} take it?", request_id=plant[:20], additional_context=f"{plant} is ill.", subject_id=person
        )
        forgetting.local.say("Twenty five days.")
        other = await client.decide(subject_id="somebody-else")
        assert plant in everything(forgetting)
        run = forgetting.stack.run("erase", person, "--basis", BASIS, "--yes", "--json")
        assert run.returncode == 0, run.stderr
        erasure = await completed(client, json.loads(run.stdout)["erasureId"])

        assert plant not in everything(forgetting)
        assert person not in everything(forgetting)
        assert plant.encode() not in files(forgetting)
        assert {owner.owner: owner.erased_count for owner in erasure.owners} == {
            "recorder": 1,
            "engine": 1,
            "evaluator": 1,
        }
        options = {"timeout": CALL_LIMIT_S, "metadata": client.metadata}
        gone = GetDecisionRequest(decision_id=about.decision_id)
        assert await reason(client.engine.GetDecision(gone, **options)) == "EVIDENCE_ERASED"
        assert await reason(client.decide("Another?", request_id=plant[:20])) == "EVIDENCE_ERASED"
        listed = await client.engine.ListDecisions(ListDecisionsRequest(page_size=1000), **options)
        left = await client.engine.GetDecision(GetDecisionRequest(decision_id=other.decision_id), **options)
        assert (await client.verified(about)).verified
        record = await RecorderServiceStub(client.channel).ListRecords(
            recorder_pb2.ListRecordsRequest(attributes={"event": "erasure_confirmed"}), **options
        )

    assert about.decision_id not in {decision.decision_id for decision in listed.decisions}
    assert left.decision == other
    facts = json.loads(record.records[-1].envelope)["attributes"]
    assert facts["erasure"] == f"{erasure.evidence.origin} {erasure.evidence.index}"
    assert (facts["owner.engine"], facts["owner.evaluator"], facts["owner.recorder"]) == ("1", "1", "1")


@pytest.mark.spec("E1")
async def test_an_owner_that_is_away_is_asked_until_it_confirms(forgetting: Mesh) -> None:
    """Engine killed and evaluator stopped in the middle: the erasure goes on by itself, and says who is missing."""
    plant, person = f"Melchior-{uuid.uuid4().hex}", f"person-{uuid.uuid4().hex}"
    async with forgetting.client() as client:
        forgetting.local.say(COERCIVE.format(plant))
        await client.decide(f"Shall {plant} take it?", subject_id=person)
        stopped = forgetting.stack.send("evaluator", signal.SIGSTOP)
        try:
            asked = asyncio.create_task(begun(client, person))

            async def noted() -> bool:
                return bool(await asyncio.to_thread(open_erasures, forgetting))

            await until(noted, LONGEST_S)
            killed = forgetting.stack.send("engine")
            await asyncio.gather(asked, return_exceptions=True)
            await asyncio.to_thread(forgetting.stack.await_replaced, "engine", killed)
            (identity,) = await asyncio.to_thread(open_erasures, forgetting)
            waiting = await told(client, identity)
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        erasure = await completed(client, identity)

    assert [owner.owner for owner in waiting.owners if owner.owner == "evaluator" and not owner.confirmed] == [
        "evaluator"
    ]
    assert not waiting.complete
    assert all(owner.confirmed for owner in erasure.owners)
    assert plant not in everything(forgetting)


def open_erasures(mesh: Mesh) -> list[str]:
    """Return the erasures that the log has carried out and that are not complete."""
    place = login(mesh.stack.record.ports["postgres"], DATABASE, "engine", mesh.stack.folder.secret("postgres-engine"))
    with psycopg.connect(place) as connection:
        rows = connection.execute(
            "select erasure_id from engine.erasure where done_at is null and confirmed ? 'recorder'"
        ).fetchall()
    return [identity for (identity,) in rows]


async def test_who_may_erase_and_look(forgetting: Mesh) -> None:
    """Admins only, each within its own tenant; the log's own method is closed to people: it would erase by halves."""
    async with (
        forgetting.client("operator") as operator,
        forgetting.client() as admin,
        forgetting.client(tenant="elsewhere") as other,
    ):
        erasure = await begun(admin, "nobody-at-all")

        assert await reason(begun(operator, "person-1")) == "ROLE_NOT_ALLOWED"
        assert await reason(told(operator, erasure.erasure_id)) == "ROLE_NOT_ALLOWED"
        assert await reason(told(other, erasure.erasure_id)) == "ERASURE_NOT_FOUND"
        past = recorder_pb2.EraseSubjectRequest(subject_id="person-1", legal_basis=BASIS)
        recorder = RecorderServiceStub(admin.channel)
        assert await reason(recorder.EraseSubject(past, timeout=CALL_LIMIT_S, metadata=admin.metadata))

    assert not erasure.HasField("evidence")
    assert {owner.erased_count for owner in erasure.owners} == {0}


def test_the_command_says_what_is_missing(forgetting: Mesh) -> None:
    """2 for half of the arguments, 1 for an erasure that there is not; people see a table of owners."""
    half = forgetting.stack.run("erase", "person-1", "--yes")
    unknown = forgetting.stack.run("erase", "--status", "e-unknown")
    shown = forgetting.stack.run("erase", "person-9", "--basis", BASIS, "--yes")

    assert (half.returncode, unknown.returncode, shown.returncode) == (2, 1, 0), shown.stderr
    assert "ERASURE_NOT_FOUND" in unknown.stderr
    assert [name in shown.stdout for name in ("recorder", "engine", "evaluator", BASIS)] == [True] * 4
