"""Three replicas count as one, agree soon, and lose nothing to a crash of any part."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg
import pytest

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import MeshError
from tests.e2e.champion.process import FIELD, LARGE, SMALL, Replica, Stub, champion_of_plan, replicas, score, told
from tests.fakes.mesh import until
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify.keys import generate

AT_ONCE = 20


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the schemas of router and recorder."""
    with fresh_database(postgres, migrations_of=["recorder", "router"]) as fresh:
        yield fresh


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make the recorder's keys."""
    generate(tmp_path / "keys")
    return tmp_path / "keys"


def average(reply: pb.GetChampionResponse, model: str) -> float:
    """Return the average that the score log of ``reply`` gives, in its order."""
    ema: float | None = None
    for entry in reply.scores:
        if entry.model == model:
            ema = entry.score if ema is None else ema + 0.2 * (entry.score - ema)
    assert ema is not None
    return ema


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    """Return what the owner reads."""
    with psycopg.connect(database.owner_dsn) as owner:
        return owner.execute(statement.encode()).fetchall()


async def send(stub: Stub, report: pb.ReportScoreRequest) -> pb.ReportScoreResponse:
    """Report, as a coroutine that a task can run."""
    return await stub.ReportScore(report)


@dataclass
class Reporting:
    """Callers who report scores of ``LARGE``, one after the other, until each has met a failure."""

    sent: list[pb.ReportScoreRequest] = field(default_factory=list)
    counted: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def until_broken(self, stub: Stub) -> AsyncIterator[None]:
        """Run the block, which breaks what they need, in the middle of their work; wait for their end."""

        async def under_way() -> bool:
            return len(self.counted) >= AT_ONCE

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._caller(stub))
            await until(under_way)
            yield

    async def _caller(self, stub: Stub) -> None:
        try:
            while True:
                report = score(f"l-{len(self.sent)}", LARGE, 0.95)
                self.sent.append(report)
                await stub.ReportScore(report)
                self.counted.add(report.decision_id)
        except MeshError as error:
            self.failures.append(error.reason)


async def promote(stub: Stub, model: str) -> pb.PromoteModelResponse:
    """Make ``model`` the champion by hand."""
    return await stub.PromoteModel(pb.PromoteModelRequest(model=model, reason="it is better", **FIELD))


@pytest.mark.spec("RTR-09", "RTR-10", "TST-10", "T15")
async def test_three_hundred_reports_to_three_replicas_at_once(tmp_path: Path, database: Database) -> None:
    """All are counted, the average is that of the logged order, versions only rise, and there is exactly one swap."""
    dice = Random(1)  # noqa: S311 - nothing secret comes of it
    async with AsyncExitStack() as stack:
        started = await stack.enter_async_context(replicas(tmp_path, database, 3))
        stubs = [await stack.enter_async_context(replica.client()) for replica in started]
        for number in range(150):
            await stubs[0].ReportScore(score(f"s-{number}", SMALL, 0.5))
        reports = [
            send(stub, score(f"{place}-{number}", LARGE, 0.9 + dice.random() / 10))
            for number in range(100)
            for place, stub in enumerate(stubs)
        ]
        replies = await asyncio.gather(*reports)
        readings = [await told(stub) for stub in stubs]

    reading = readings[0]
    assert readings[1] == readings[2] == reading
    assert reading.version == 450
    assert sorted(reply.version for reply in replies) == list(range(151, 451))
    assert [entry.version for entry in reading.scores] == list(range(1, 451))
    assert (reading.champion.model, reading.champion.count) == (LARGE, 300)
    assert reading.champion.ema == pytest.approx(average(reading, LARGE), abs=1e-12)
    assert reading.champion.ema > 0.9
    assert [change.kind for change in reading.history] == [
        pb.CHAMPION_CHANGE_KIND_PROMOTION,
        pb.CHAMPION_CHANGE_KIND_FIRST,
    ]


@pytest.mark.spec("RTR-10", "RTR-12", "T15")
async def test_two_replicas_race_for_one_change(tmp_path: Path, database: Database) -> None:
    """Of two words about the same version one is heard; the other is a conflict that names the new version."""
    async with replicas(tmp_path, database, 2) as (first, second), first.client() as a, second.client() as b:
        await a.ReportScore(score("s", SMALL, 0.5))
        for version in range(1, 11):
            model = LARGE if version % 2 else SMALL
            asked = [
                stub.PromoteModel(pb.PromoteModelRequest(model=model, reason="race", expected_version=version, **FIELD))
                for stub in (a, b)
            ]
            ended = await asyncio.gather(*asked, return_exceptions=True)
            (lost,) = [each for each in ended if isinstance(each, MeshError)]
            assert (lost.reason, lost.metadata["version"]) == ("WRITE_CONFLICT", str(version + 1))
        reading = await told(a)

    assert (reading.version, len(reading.history)) == (11, 11)


@pytest.mark.spec("RTR-11", "RTR-24")
async def test_replicas_agree_soon_and_a_restarted_one_at_once(tmp_path: Path, database: Database) -> None:
    """A plan of another replica follows a change by itself; after kill -9 the first plan has it."""
    async with replicas(tmp_path, database, 3) as started:
        async with started[0].client() as a, started[1].client() as b, started[2].client() as c:
            await a.ReportScore(score("s", SMALL, 0.5))
            for stub in (a, b, c):
                assert await champion_of_plan(stub) == (SMALL, 1)
            for model, version in ((LARGE, 2), (SMALL, 3)):
                await promote(a, model)
                assert await champion_of_plan(a) == (model, version), "a replica knows its own change at once"

                async def follows(expected: tuple[str, int] = (model, version)) -> bool:
                    return [await champion_of_plan(stub) for stub in (b, c)] == [expected] * 2

                await until(follows)
            await promote(b, LARGE)
        await started[2].kill()
        await started[2].start()
        async with started[2].client() as c:
            assert await champion_of_plan(c) == (LARGE, 4)
            assert (await told(c)).champion.model == LARGE


@pytest.mark.spec("RTR-10", "RTR-11")
async def test_a_replica_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path, database: Database) -> None:
    """Kill -9 while scores come in, between score and swap included: reports repeated elsewhere count once."""
    async with replicas(tmp_path, database, 2) as (first, second), second.client() as b:
        for number in range(150):
            await b.ReportScore(score(f"s-{number}", SMALL, 0.5))
        reporting = Reporting()
        async with first.client() as a, reporting.until_broken(a):
            await first.kill()
        again = [await b.ReportScore(report) for report in reporting.sent]
        reading = await told(b)

    counted_before = [reply for reply in again if reply.already_counted]
    assert 0 < len(reporting.counted) <= len(counted_before)
    count = len(reporting.sent)
    assert (reading.champion.model, reading.champion.count, reading.version) == (LARGE, count, 150 + count)
    assert reading.champion.ema == pytest.approx(average(reading, LARGE), abs=1e-12)
    assert len(reading.history) == 2


@pytest.mark.spec("RTR-10", "RTR-11")
async def test_a_writer_killed_between_score_and_swap_wrote_neither(tmp_path: Path, database: Database) -> None:
    """Killed while it waits to write the swap, the score before it is gone as well, and the next report makes both."""
    last = score("l-30", LARGE, 0.95)
    async with replicas(tmp_path, database, 2) as (first, second), second.client() as b:
        for number in range(150):
            await b.ReportScore(score(f"s-{number}", SMALL, 0.5))
        for number in range(1, 30):
            await b.ReportScore(score(f"l-{number}", LARGE, 0.95))
        before = await told(b)
        await _die_at_the_swap(first, database, last)
        assert await told(b) == before
        reply = await b.ReportScore(last)
        reading = await told(b)

    assert (len(before.history), reply.already_counted) == (1, False)
    assert (reading.champion.model, reading.version, len(reading.history)) == (LARGE, 180, 2)
    assert rows(database, "select count(*) from router.outbox") == [(2,)]


async def _die_at_the_swap(replica: Replica, database: Database, report: pb.ReportScoreRequest) -> None:
    """Hold the table of standings, so that the writer stops after its score; then kill it."""
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("lock table router.standing in share mode")
        async with replica.client() as stub:
            asking = asyncio.create_task(send(stub, report))

            async def waits() -> bool:
                return rows(database, "select count(*) from pg_locks where not granted") != [(0,)]

            await until(waits)
            await replica.kill()
            with pytest.raises(MeshError):
                await asking


@pytest.mark.spec("RTR-11")
async def test_a_restarted_database_keeps_every_acknowledged_score(tmp_path: Path, database: Database) -> None:
    """PostgreSQL crashes under load: calls fail typed, plans go on with what was read, and nothing told is lost."""
    async with replicas(tmp_path, database) as (replica,), replica.client() as stub:
        await stub.ReportScore(score("s", SMALL, 0.5))
        assert await champion_of_plan(stub) == (SMALL, 1)
        reporting = Reporting()
        async with reporting.until_broken(stub):
            await asyncio.to_thread(database.server.crash)
            meanwhile, _ = await champion_of_plan(stub)
        await asyncio.to_thread(database.server.start)
        kept = {entry.decision_id for entry in (await told(stub)).scores}
        for report in reporting.sent:
            await stub.ReportScore(report)
        reading = await told(stub)

    assert meanwhile == SMALL
    assert reporting.counted
    assert reporting.counted <= kept
    assert set(reporting.failures) <= {"STORE_UNAVAILABLE", "WRITE_CONFLICT"}
    assert len(reading.scores) == reading.version == 1 + len(reporting.sent)
    assert reading.challengers[0].ema == pytest.approx(average(reading, LARGE), abs=1e-12)


@pytest.mark.spec("RTR-12", "T11")
async def test_a_recorder_that_is_away_loses_no_change_and_gets_none_twice(
    tmp_path: Path, database: Database, keys: Path
) -> None:
    """Changes made while the recorder is down, the router killed meanwhile: afterwards each is evidence once."""
    async with replicas(tmp_path, database) as (replica,):
        async with replica.client() as stub:
            await stub.ReportScore(score("s", SMALL, 0.5))
            await promote(stub, LARGE)
        await replica.kill()
        await replica.start()
        async with replica.client() as stub:
            await promote(stub, SMALL)
            changes = (await told(stub)).history
        assert rows(database, "select count(*) from router.outbox") == [(3,)]

        async def delivered() -> bool:
            return rows(database, "select count(*) from router.outbox") == [(0,)]

        # What a killed process had under way is taken up again when its time is over; no test waits for that.
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
            owner.execute("update router.outbox set due_at = now()")
            owner.execute("create table public.copies as select * from router.outbox")
        async with replica.recorder(keys):
            await until(delivered, 30)
            with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
                # Once more, as if every acknowledgement had been lost.
                owner.execute("insert into router.outbox select * from public.copies")
            await until(delivered, 30)

    recorded = rows(database, "select ik, kind from recorder.ev order by ik")
    assert recorded == sorted((change.change_id, "CHANGE") for change in changes)
