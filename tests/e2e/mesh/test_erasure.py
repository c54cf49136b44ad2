"""A planted string, erased: no table, no Valkey key and no spool holds it any more, whatever was killed on the way."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from magistrate.engine.v1.engine_pb2 import GetDecisionRequest, ListDecisionsRequest
from magistrate.recorder.v1 import recorder_pb2
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.erasing import (
    ACCOUNTS,
    BASIS,
    COERCIVE,
    LONGEST_S,
    begun,
    cached,
    completed,
    everything,
    files,
    insisted,
    reason,
    told,
)
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Mesh, serving_mesh
from tests.fakes.mesh import until
from tools.up.database import DATABASE
from tools.up.postgres import login

SPOOLED = "spooled"
"""A tenant that need not wait for the log."""


@pytest.fixture(scope="module")
def forgetting() -> Iterator[Mesh]:
    """Yield a mesh that caches what it may, and asks owners a second time after a second."""
    with serving_mesh(
        MAGISTRATE_ENGINE_ERASURE_GRACE_S="1",
        MAGISTRATE_ENGINE_SPOOLED_TENANTS=SPOOLED,
        MAGISTRATE_ROUTER_CACHE_USE="semantic",
        MAGISTRATE_LOG_LEVEL="debug",
    ) as mesh:
        yield mesh


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
        assert plant not in await cached(forgetting)
        assert plant.encode() not in files(forgetting)
        assert {owner.owner: owner.erased_count for owner in erasure.owners} == {
            "recorder": 1,
            "engine": 1,
            "evaluator": 1,
            "router": erasure.owners[-1].erased_count,
        }
        gone = GetDecisionRequest(decision_id=about.decision_id)
        assert await reason(client.engine.GetDecision(gone, **client.options)) == "EVIDENCE_ERASED"
        assert await reason(client.decide("Another?", request_id=plant[:20])) == "EVIDENCE_ERASED"
        listed = await client.engine.ListDecisions(ListDecisionsRequest(page_size=1000), **client.options)
        left = await client.engine.GetDecision(GetDecisionRequest(decision_id=other.decision_id), **client.options)
        assert (await client.verified(about)).verified
        record = await RecorderServiceStub(client.channel).ListRecords(
            recorder_pb2.ListRecordsRequest(attributes={"event": "erasure_confirmed"}), **client.options
        )

    assert about.decision_id not in {decision.decision_id for decision in listed.decisions}
    assert left.decision == other
    facts = json.loads(record.records[-1].envelope)["attributes"]
    assert facts["erasure"] == f"{erasure.evidence.origin} {erasure.evidence.index}"
    assert (facts["owner.engine"], facts["owner.evaluator"], facts["owner.recorder"]) == ("1", "1", "1")


@pytest.mark.spec("E1", "REC-15", "CCH-01")
async def test_nothing_holds_what_somebody_asked_and_named_nobody(forgetting: Mesh) -> None:
    """Who asks is a person too: the answer that was cached for all, the history and the evidence of it are gone."""
    plant, person = f"Nathanael-{uuid.uuid4().hex}", f"asker-{uuid.uuid4().hex}@example.com"
    async with forgetting.client(subject=person) as asker, forgetting.client() as admin:
        forgetting.local.say(COERCIVE.format(plant))
        about = await asker.decide(f"Shall {plant} take it?")

        async def kept() -> bool:
            return plant in await cached(forgetting) and plant in everything(forgetting)

        await until(kept, LONGEST_S)
        erasure = await completed(admin, (await begun(admin, person)).erasure_id)

        assert plant not in everything(forgetting)
        assert plant not in await cached(forgetting)
        assert plant.encode() not in files(forgetting)
        assert person not in everything(forgetting, but=ACCOUNTS)
        assert person.encode() not in files(forgetting)
        assert (await admin.verified(about)).verified
        forgetting.local.say("Twenty five days.")
        again = await asker.decide(f"Shall {plant} take it?")

    assert all(owner.confirmed and owner.erased_count for owner in erasure.owners)
    assert not again.route.HasField("cache_hit")


@pytest.mark.spec("E1", "K7")
async def test_the_disk_of_an_engine_that_was_down_brings_nothing_back(forgetting: Mesh, tmp_path: Path) -> None:
    """What it delivers after the erasure stands in the log, and has no content."""
    plant, person = f"Bartholomew-{uuid.uuid4().hex}", f"person-{uuid.uuid4().hex}"
    spool = forgetting.stack.folder.data("engine") / "spool"
    async with forgetting.client(tenant=SPOOLED) as client:
        frozen = forgetting.stack.send("recorder", signal.SIGSTOP)
        try:
            forgetting.local.say(COERCIVE.format(plant))
            decision = await client.decide(f"Shall {plant} take it?", subject_id=person)
            dead = forgetting.stack.send("engine", signal.SIGSTOP)
            (left_behind,) = segments(spool, plant)
            disk = shutil.move(left_behind, tmp_path)
            os.kill(dead.pid, signal.SIGKILL)
            await asyncio.to_thread(forgetting.stack.await_replaced, "engine", dead)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        erasure = await completed(client, (await insisted(client, person)).erasure_id)

        arriving = left_behind.parent / "arriving"
        # The machine is there again: what it left is one more segment for the engine that starts now.
        shutil.move(disk, arriving)
        arriving.rename(left_behind.parent / "9000000000000000.closed")
        running = forgetting.stack.send("engine")
        await asyncio.to_thread(forgetting.stack.await_replaced, "engine", running)

        async def delivered() -> bool:
            return not await asyncio.to_thread(segments, spool, plant)

        await until(delivered, LONGEST_S)
        request = recorder_pb2.GetRecordRequest(decision_id=decision.decision_id)
        record = (await RecorderServiceStub(client.channel).GetRecord(request, **client.options)).record

        assert decision.evidence.pending
        assert json.loads(record.envelope)["attributes"]["erasure_id"] == erasure.erasure_id
        assert (record.payload, record.content_type) == (b"", "")
        assert plant not in everything(forgetting)
        assert plant.encode() not in files(forgetting)
        assert not [path for path in spool.rglob("refused") if path.stat().st_size]
        listed = RecorderServiceStub(client.channel).ListRecords(
            recorder_pb2.ListRecordsRequest(attributes={"erasure_id": erasure.erasure_id}), **client.options
        )
        assert [each.decision_id for each in (await listed).records] == [decision.decision_id]


def segments(spool: Path, plant: str) -> list[Path]:
    """Return the files of a spool that hold a planted string."""
    found = []
    for path in spool.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # delivered while it is looked at
            if path.is_file() and plant.encode() in path.read_bytes():
                found.append(path)
    return found


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
    assert {owner.erased_count for owner in erasure.owners if owner.owner != "router"} == {0}


def test_the_command_says_what_is_missing(forgetting: Mesh) -> None:
    """2 for half of the arguments, 1 for an erasure that there is not; people see a table of owners."""
    half = forgetting.stack.run("erase", "person-1", "--yes")
    unknown = forgetting.stack.run("erase", "--status", "e-unknown")
    shown = forgetting.stack.run("erase", "person-9", "--basis", BASIS, "--yes")

    assert (half.returncode, unknown.returncode, shown.returncode) == (2, 1, 0), shown.stderr
    assert "ERASURE_NOT_FOUND" in unknown.stderr
    assert [name in shown.stdout for name in ("recorder", "engine", "evaluator", "router", BASIS)] == [True] * 5
