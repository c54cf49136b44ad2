"""After the reply each answer's quality reaches the champions once, whoever is killed on the way."""

import asyncio
from collections.abc import Iterator

import grpc
import pytest

from magistrate.common.v1.task_pb2 import DOMAIN_MARKET, TASK_TYPE_REASONING
from magistrate.engine.v1.engine_pb2 import DecideRequest, Decision
from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_CHANGE, ListRecordsRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh, question, serving_mesh
from tests.fakes.arena import Arena
from tests.fakes.mesh import until

FIELD: Arena = {"domain": DOMAIN_MARKET, "task_type": TASK_TYPE_REASONING}
ANSWER = "Full-time employees get 25 days of annual leave a year. Part-time employees get a share of these 25 days."
PATIENCE_S = 60.0
"""Longer than a letter of a killed process is left alone."""


@pytest.fixture(scope="module")
def broken() -> Iterator[Mesh]:
    """Yield a mesh that these tests may hurt."""
    with serving_mesh() as mesh:
        mesh.local.say(ANSWER)
        mesh.openai.say(ANSWER)
        yield mesh


async def decide(client: Client, number: int) -> Decision:
    """Ask for a decision of the arena, by the strategy that asks champions."""
    asked = question(f"How many days of annual leave are there in year {number}?", strategy="domain", **FIELD)
    reply = await client.engine.Decide(DecideRequest(question=asked), timeout=CALL_LIMIT_S, metadata=client.metadata)
    return reply.decision


async def champion(client: Client) -> pb.GetChampionResponse:
    """Return the arena with every score."""
    request = pb.GetChampionRequest(score_page_size=1000, **FIELD)
    return await RouterServiceStub(client.channel).GetChampion(request, timeout=CALL_LIMIT_S, metadata=client.metadata)


async def counted(client: Client, count: int) -> pb.GetChampionResponse:
    """Wait until the arena has ``count`` scores."""

    async def enough() -> bool:
        return (await champion(client)).version >= count

    await until(enough, PATIENCE_S)
    return await champion(client)


@pytest.mark.spec("EVL-07", "RTR-24", "RTR-07")
async def test_a_decision_becomes_a_score_with_what_led_to_it(broken: Mesh) -> None:
    """Score, model, propensity and version are those of its route; the next route names a version that was stored."""
    async with broken.client() as client:
        first = await decide(client, 0)
        told = await counted(client, 1)
        second = await decide(client, 1)
        later = await counted(client, 2)

    (entry,) = told.scores
    assert (entry.decision_id, entry.model) == (first.decision_id, first.route.model)
    assert (entry.score, entry.propensity) == (first.quality.overall, first.route.propensity)
    assert (entry.heuristic, entry.fell_back, entry.champion_version) == (False, False, 0)
    assert (told.champion.model, told.champion.ema) == (first.route.model, first.quality.overall)
    assert second.route.champion_version == 1 <= later.version
    assert later.scores[-1].champion_version == second.route.champion_version
    assert 0 < second.route.propensity <= 1


@pytest.mark.spec("EVL-07", "ENG-42")
async def test_no_score_is_lost_or_counted_twice(broken: Mesh) -> None:
    """Engine and router killed after replies, in turns: every released decision is counted exactly once."""
    decided: list[str] = []
    async with broken.client() as client:
        before = {entry.decision_id for entry in (await champion(client)).scores}
        for turn, service in enumerate(("engine", "router", "engine")):
            for number in range(4):
                decided.append((await decide(client, 100 * (turn + 1) + number)).decision_id)  # noqa: PERF401
            killed = broken.stack.send(service)
            await asyncio.to_thread(broken.stack.await_replaced, service, killed)
        told = await counted(client, len(before) + len(decided))

    entries = [entry.decision_id for entry in told.scores]
    assert sorted(entries) == sorted({*before, *decided})
    assert told.version == len(entries)


@pytest.mark.spec("RTR-12")
async def test_only_admins_change_champions_and_every_change_is_evidence(broken: Mesh) -> None:
    """A user, an operator and a reviewer are refused; an admin's promotion and its rollback are records of the log."""
    change = pb.PromoteModelRequest(model="gpt-4-turbo", reason="it is better", **FIELD)
    for role in ("user", "operator", "reviewer"):
        async with broken.client(role) as client:
            router = RouterServiceStub(client.channel)
            for refused in (
                router.PromoteModel(change, timeout=CALL_LIMIT_S, metadata=client.metadata),
                router.DemoteModel(
                    pb.DemoteModelRequest(model="gpt-4-turbo", reason="it is worse", **FIELD),
                    timeout=CALL_LIMIT_S,
                    metadata=client.metadata,
                ),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await refused
                failure = Failure.of(caught.value)
                assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    async with broken.client() as client:
        router = RouterServiceStub(client.channel)
        former = (await champion(client)).champion.model
        change.model = "gpt-4o-mini" if former == "gpt-4-turbo" else "gpt-4-turbo"
        await router.PromoteModel(change, timeout=CALL_LIMIT_S, metadata=client.metadata)
        change.model = former
        back = await router.PromoteModel(change, timeout=CALL_LIMIT_S, metadata=client.metadata)
        history = (await champion(client)).history

        async def recorded() -> bool:
            request = ListRecordsRequest(kind=RECORD_KIND_CHANGE)
            listed = await RecorderServiceStub(client.channel).ListRecords(
                request, timeout=CALL_LIMIT_S, metadata=client.metadata
            )
            envelopes = b"".join(record.envelope for record in listed.records)
            known = [each.change_id.encode() in envelopes for each in history]
            return all(known) and len(listed.records) == len(known)

        await until(recorded, PATIENCE_S)
    assert back.change.kind == pb.CHAMPION_CHANGE_KIND_ROLLBACK


@pytest.mark.spec("RTR-07", "RTR-12")
async def test_the_command_shows_changes_and_audits_champions(broken: Mesh) -> None:
    """What the router stored follows from its log; a promotion needs a reason and is told back; a conflict is named."""
    place = ("--domain", "market", "--task", "reasoning")
    async with broken.client() as client:
        decided = await decide(client, 1_000)
        before = await champion(client)
        if decided.decision_id not in {entry.decision_id for entry in before.scores}:
            before = await counted(client, before.version + 1)
    audited = broken.stack.told("champion", *place, "--audit")
    shown = broken.stack.run("champion", *place, "--audit").stdout
    model = before.champion.model
    other = "gpt-4o-mini" if model == "gpt-4-turbo" else "gpt-4-turbo"
    promoted = broken.stack.run("champion", "promote", other, *place, "--reason", "it is cheaper")
    late = broken.stack.run("champion", "demote", other, *place, "--reason", "too soon", "--expected-version", "1")
    history = broken.stack.told("champion", *place)["history"]

    assert audited["audit"]["agrees"]
    assert audited["champion"]["model"] == model in shown
    assert "Standings and versions follow from the log of scores." in shown
    assert f"{other} follows {model}" in promoted.stdout
    assert (history[0]["champion"], history[0]["reason"]) == (other, "it is cheaper")
    assert late.returncode == 1
    assert "WRITE_CONFLICT" in late.stderr
