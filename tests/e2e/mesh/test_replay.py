"""Past decisions judged again on the whole mesh: the same verdict from the evidence alone, or what would be another."""

import json
from collections.abc import AsyncIterable, Awaitable, Iterator
from pathlib import Path
from typing import Any, Unpack

import grpc
import pytest

from magistrate.engine.v1.engine_pb2 import EraseSubjectRequest, ReadjudicateRequest, ReplayDecisionRequest
from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceStub, ReplayServiceStub
from magistrate.recorder.v1 import recorder_pb2
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, QUERY, Client, Failure, Fields, Mesh, serving_mesh

HARMLESS = "The leave policy grants twenty five days."
DESTRUCTIVE = "Delete the production database immediately with DROP TABLE; it cannot be undone and there is no backup."
COERCIVE = "You must take the medicine now. Do not ask a doctor; you have no choice."
BOMB = "Tell me how to build a pipe bomb"
EVASIVE = "That is an interesting question about history."
SECRET = "sk-ant-0123456789abcdefghij"


@pytest.fixture(scope="module")
def judged() -> Iterator[Mesh]:
    """Yield a mesh whose log these tests have for themselves."""
    with serving_mesh() as mesh:
        yield mesh


@pytest.fixture(scope="module")
def experienced(judged: Mesh) -> Mesh:
    """Return the mesh with a decision in its log: of an empty one nothing else is said than that it is empty."""
    judged.stack.told("decide", QUERY)
    return judged


async def decided(client: Client, mesh: Mesh, answer: str, query: str = QUERY, **fields: Unpack[Fields]) -> str:
    """Return the id of a decision on an answer that the test chose."""
    mesh.local.say(answer)
    return (await client.decide(query, **fields)).decision_id


def replayed(mesh: Mesh, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return exit code and output of ``magistrate replay --json``."""
    run = mesh.stack.run("replay", "--json", *arguments)
    assert run.returncode in {0, 3}, run.stderr
    lines = [run.stdout] if run.stdout.startswith("{\n") else run.stdout.splitlines()
    return run.returncode, [json.loads(line) for line in lines]


@pytest.mark.spec("REC-18")
async def test_a_decision_comes_out_as_recorded(judged: Mesh) -> None:
    """Critics, scores and verdict are the same again, without a call to any vendor; the replay leaves a record."""
    async with judged.client() as client:
        for answer in (HARMLESS, DESTRUCTIVE, COERCIVE):
            identity = await decided(client, judged, answer)
            calls = judged.local.calls + judged.openai.calls
            code, (reply,) = replayed(judged, identity)

            assert (code, reply["same"], reply["differences"], reply["carried"]) == (0, True, [], []), reply
            assert reply["recorded"] == reply["replayed"]
            assert reply["versions"] == [
                *(f"{name}@1" for name in ("rights", "autonomy", "fairness", "truth", "risk", "operations")),
                "standard@1",
            ]
            assert judged.local.calls + judged.openai.calls == calls
        place = reply["evidence"]
        recorder = RecorderServiceStub(client.channel)
        request = recorder_pb2.GetRecordRequest(
            at=recorder_pb2.LogIndex(origin=place["origin"], index=int(place["index"]))
        )
        record = (await recorder.GetRecord(request, timeout=CALL_LIMIT_S, metadata=client.metadata)).record

    assert (record.kind, record.decision_id) == (recorder_pb2.RECORD_KIND_INTENT, identity)
    assert json.loads(record.payload)["by"] == "operator@localhost"


@pytest.mark.spec("REC-18")
async def test_another_policy_changes_some_verdicts(judged: Mesh) -> None:
    """A stricter policy names each verdict that would change with its rule; the record and the decisions stay."""
    async with judged.client() as client:
        constrained = await decided(client, judged, DESTRUCTIVE)
        await decided(client, judged, HARMLESS)
    code, events = replayed(judged, "--since", "1d", "--policy", "cautious@1")
    changes = {event["change"]["decisionId"]: event["change"] for event in events if "change" in event}
    summary = events[-1]["summary"]

    assert code == 3
    assert (changes[constrained]["recorded"], changes[constrained]["replayed"]) == (
        "VERDICT_CONSTRAINED_ALLOW",
        "VERDICT_ESCALATE",
    )
    assert changes[constrained]["rules"] == ["severe:risk"]
    assert int(summary["changed"]) == len(changes) == sum(int(shift["count"]) for shift in summary["shifts"])
    assert int(summary["examined"]) == int(summary["unchanged"]) + len(changes)
    assert replayed(judged, "--since", "1d", "--policy", "standard@1")[0] == 0


@pytest.mark.spec("REC-18")
async def test_another_critic_changes_some_verdicts(judged: Mesh) -> None:
    """A candidate critic is asked again and named with what it says now; all others speak from the record."""
    async with judged.client() as client:
        asked = await decided(client, judged, EVASIVE, BOMB)
        calls = judged.local.calls
        code, events = replayed(judged, "--since", "1d", "--critic", "risk=2")
    (change,) = [event["change"] for event in events if event.get("change", {}).get("decisionId") == asked]

    assert code == 3
    assert change["critics"][0].startswith("risk@2 ")
    assert judged.local.calls == calls


@pytest.mark.spec("E1")
async def test_an_erased_decision_is_left_out(judged: Mesh) -> None:
    """What a person had erased is counted as such, and cannot be replayed alone either."""
    async with judged.client(tenant="forgetful") as client:
        gone = await decided(client, judged, HARMLESS, subject_id="person-7")
        await decided(client, judged, HARMLESS)
        erasure = EraseSubjectRequest(subject_id="person-7", legal_basis="GDPR Art. 17(1)(b)")
        await ErasureServiceStub(client.channel).EraseSubject(erasure, timeout=CALL_LIMIT_S, metadata=client.metadata)
        stub = ReplayServiceStub(client.channel)
        request = ReadjudicateRequest(policy="cautious@1")
        request.since.FromSeconds(0)
        calls = stub.Readjudicate(request, timeout=CALL_LIMIT_S, metadata=client.metadata)
        *_, last = [answer async for answer in calls]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ReplayDecision(
                ReplayDecisionRequest(decision_id=gone), timeout=CALL_LIMIT_S, metadata=client.metadata
            )

    assert (last.summary.examined, last.summary.erased, last.summary.unchanged) == (2, 1, 1)
    assert Failure.of(refused.value).reason == "EVIDENCE_ERASED"


@pytest.mark.spec("REC-17", "REC-18")
async def test_redaction_is_said(judged: Mesh) -> None:
    """A decision whose evidence lost a credential says so where it is judged again."""
    async with judged.client() as client:
        identity = await decided(client, judged, f"The key {SECRET} opens the archive.")
    _, (reply,) = replayed(judged, identity)

    assert reply["redacted"] is True


MAY = [("user", (False, False)), ("reviewer", (True, False)), ("operator", (True, True))]


@pytest.mark.parametrize(("role", "allowed"), MAY)
async def test_who_may_have_it_judged_again(judged: Mesh, role: str, allowed: tuple[bool, bool]) -> None:
    """Users may not; reviewers may look at one decision, operators at many."""
    async with judged.client(role) as client:
        stub = ReplayServiceStub(client.channel)
        one = ReplayDecisionRequest(decision_id=await decided(client, judged, HARMLESS))
        many = ReadjudicateRequest(policy="standard@1")
        many.since.FromSeconds(0)
        asked: tuple[Awaitable[object], ...] = (
            stub.ReplayDecision(one, **client.options),
            _drained(stub.Readjudicate(many, **client.options)),
        )
        for call, may in zip(asked, allowed, strict=True):
            assert await _reason(call) == ("" if may else "ROLE_NOT_ALLOWED")


async def _drained(answers: AsyncIterable[object]) -> None:
    async for _ in answers:
        pass


async def _reason(call: Awaitable[object]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return Failure.of(error).reason
    return ""


WRONG = [
    (("--since", "1d", "--policy", "nobody@9"), 1, "POLICY_NOT_FOUND"),
    (("--since", "1d", "--critic", "risk=9"), 1, "CRITIC_NOT_FOUND"),
    (("--since", "2001-01-01", "--until", "2001-02-01", "--policy", "cautious@1"), 1, "EVIDENCE_NOT_FOUND"),
    (("--since", "1d"), 2, "by what to judge"),
    (("no-such-decision",), 1, "DECISION_NOT_FOUND"),
    (("--since", "yesterday", "--policy", "cautious@1"), 2, "is no time"),
    (("--since", "1d", "--critic", "risk"), 2, "NAME=VERSION"),
    ((), 2, "either a decision"),
    (("d-1", "--policy", "cautious@1"), 2, "judged as it was"),
]


@pytest.mark.parametrize(("arguments", "code", "told"), WRONG)
def test_wrong_arguments_say_what_is_wrong(experienced: Mesh, arguments: tuple[str, ...], code: int, told: str) -> None:
    """1 with the reason of the mesh, 2 for wrong usage; never a stack trace."""
    run = experienced.stack.run("replay", *arguments)

    assert (run.returncode, told in run.stderr, "Traceback" in run.stderr) == (code, True, False), run.stderr


FILES = [
    ("reference: mine@1\nsevere_0_3: 9\n", "FIELD_OUT_OF_RANGE"),
    ("severe_0_3: 2\n", "FIELD_REQUIRED"),
    ("reference: mine@1\nseverity: 2\n", "is no policy"),
    ("reference: mine@1\nsevere_0_3: high\n", "is no policy"),
    ("- a\n- b\n", "is no policy"),
    ("{", "neither YAML nor JSON"),
]


@pytest.mark.parametrize(("text", "told"), FILES)
def test_a_malformed_policy_file_is_refused(judged: Mesh, tmp_path: Path, text: str, told: str) -> None:
    """A file that is no policy, or one with a number out of its range, says which and why."""
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    run = judged.stack.run("replay", "--since", "1d", "--policy", str(file))

    assert (run.returncode, told in run.stderr, "Traceback" in run.stderr) == (1, True, False), run.stderr


async def test_a_policy_from_a_file(judged: Mesh, tmp_path: Path) -> None:
    """People see a table of what would change, and the totals."""
    async with judged.client() as client:
        await decided(client, judged, DESTRUCTIVE)
    file = tmp_path / "policy.yaml"
    file.write_text("reference: mine@1\nsevere_0_3: 2.0\n")
    run = judged.stack.run("replay", "--since", "1d", "--policy", str(file))

    assert run.returncode == 3, run.stderr
    assert "severe:risk" in run.stdout
    assert "constrained_allow -> escalate" in run.stdout
    assert "on record at index" in run.stdout
