"""The stack as its users meet it: through the command line and the edge."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from magistrate.router.v1.router_pb2 import ListModelsRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.topology import COMPANIONS, SERVICES
from tests.fakes.stack import Stack
from tools.certs import Pki
from tools.certs.identity import every_identity
from tools.migrate.schemas import schemas
from tools.verify.note import is_signed, read_verifier_key

QUESTION = "Up to what amount may the budget holder approve a purchase?"
STAGES = ["screen", "context", "route", "review", "score", "adjudicate", "record"]
CRITICS = {"rights", "autonomy", "fairness", "truth", "risk", "operations"}
DIMENSIONS = ["relevance", "correctness", "coherence", "policy_compliance", "context_overlap"]
VERDICTS = {"VERDICT_ALLOW": 0, "VERDICT_CONSTRAINED_ALLOW": 3, "VERDICT_ESCALATE": 4, "VERDICT_ABSTAIN": 4}


def test_every_part_serves(stack: Stack) -> None:
    """What `status` lists is what runs, for people and for programs."""
    shown = stack.run("status")
    listed = stack.told("status")

    assert shown.returncode == 0
    assert f"tiles of the log: http://127.0.0.1:{listed['ports']['tiles']}" in " ".join(shown.stdout.split())
    assert listed["ready"]
    assert {part["phase"] for part in listed["parts"].values()} == {"ready"}
    expected = {service.name for service in SERVICES if service.vendor in {"", "local"}}
    expected |= {companion.name for companion in COMPANIONS if not companion.optional}
    assert expected | {"postgres", "database", "valkey", "model", "envoy", "handbook"} == set(listed["parts"])


@pytest.mark.spec("ENG-01", "TST-06")
def test_a_decision_carries_all_that_led_to_it(stack: Stack) -> None:
    """One call from another shell: verdict, scores, critics, route, context, stages and durable evidence."""
    outcome = stack.run("decide", "--fresh", "--json", QUESTION)
    decision = json.loads(outcome.stdout)["decision"]

    assert outcome.returncode == VERDICTS[decision["verdict"]], outcome.stderr
    assert [stage["name"] for stage in decision["stages"]] == STAGES
    assert all(stage["duration"].endswith("s") for stage in decision["stages"])
    assert {critic["critic"] for critic in decision["critics"]} == CRITICS
    assert [score["dimension"] for score in decision["quality"]["scores"]] == DIMENSIONS
    assert decision["route"]["provider"] == "local"
    assert decision["route"]["usage"]["outputTokens"] > 0
    assert {source["title"] for source in decision["context"]["provenance"]} >= {"Procurement"}
    assert decision["evidence"]["origin"].startswith("evidence/local/")


def test_people_see_the_proof(stack: Stack) -> None:
    """The rendered decision ends with evidence that was verified offline."""
    outcome = stack.run("decide", QUESTION)

    assert outcome.returncode in VERDICTS.values(), outcome.stderr
    assert "proof     verified" in outcome.stdout


def test_evidence_is_kept_and_verified_later_without_the_stack(stack: Stack, tmp_path: Path) -> None:
    """A saved bundle and the public key are enough."""
    decision = stack.told("decide", QUESTION)["decision"]
    bundle = tmp_path / "bundle.json"
    saved = stack.run("verify", decision["decisionId"], "--save", str(bundle))
    key = stack.folder.verifier_key
    offline = stack.run("verify", "--bundle", str(bundle), "--key", str(key), "--json")

    assert saved.returncode == offline.returncode == 0, saved.stderr + offline.stderr
    assert json.loads(offline.stdout)["verified"]


def test_knowledge_goes_in_and_comes_out(stack: Stack, tmp_path: Path) -> None:
    """A new document is found at once; ingesting it again changes nothing."""
    (tmp_path / "canteen.md").write_text("# Canteen\n\nThe canteen serves lunch from 11:30 to 14:00 on working days.\n")
    first = stack.told("ingest", str(tmp_path), "--pack", "canteen")
    again = stack.told("ingest", str(tmp_path), "--pack", "canteen")
    found = stack.told("search", "When is lunch served?", "--pack", "canteen")

    assert first["pack"]["version"] == again["pack"]["version"]
    assert again["documents"][0]["unchanged"]
    assert found["hits"][0]["provenance"]["title"] == "Canteen"


def test_models_say_what_can_answer(stack: Stack) -> None:
    """Only the local model is part of a stack without keys."""
    models = stack.told("models")["models"]

    assert {model["provider"] for model in models if model.get("enabled")} == {"local"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("decide", ""), "FIELD_REQUIRED"),
        (("decide", "x" * 10_001), "FIELD_TOO_LONG"),
        (("decide", "q", "--pack", "no-such-pack"), "PACK_NOT_FOUND"),
        (("decide", "q", "--max-tokens", "4001"), "FIELD_OUT_OF_RANGE"),
        (("verify", "01a1fa7b-78a6-7ace-8133-f8a10d84f8dc"), "RECORD_NOT_FOUND"),
        (("search", "q", "--limit", "1000"), "FIELD_OUT_OF_RANGE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value)[:30],
)
def test_bad_input_gets_its_reason(stack: Stack, arguments: tuple[str, ...], reason: str) -> None:
    """What is wrong is said in one sentence with the reason of the contract."""
    outcome = stack.run(*arguments)

    assert outcome.returncode == 1
    assert reason in outcome.stderr
    assert "Traceback" not in outcome.stderr


async def test_the_edge_serves_any_client_with_a_token(stack: Stack) -> None:
    """The command line has no door of its own: a generated stub enters the same way."""
    async with stack.channel() as channel:
        reply = await RouterServiceStub(channel).ListModels(
            ListModelsRequest(), timeout=30, metadata=stack.metadata("user")
        )

    assert reply.models


def test_migrations_are_at_their_newest(stack: Stack) -> None:
    """A started stack has nothing left to migrate."""
    outcome = stack.run("migrate", "current", "--json")

    assert outcome.returncode == 0, outcome.stderr
    found = {item["schema"]: item["current"] == item["head"] for item in json.loads(outcome.stdout)}
    assert found == dict.fromkeys((schema.name for schema in schemas()), True)


@pytest.mark.spec("EDG-32", "OPS-23")
def test_certificates_change_while_it_serves(stack: Stack) -> None:
    """After a rotation and a rollover of the authority the next call works."""
    before = stack.told("certs", "show")
    rotated = stack.run("certs", "rotate")
    rolled = stack.run("certs", "rollover")
    after = stack.told("certs", "show")

    assert rotated.returncode == rolled.returncode == 0, rotated.stderr + rolled.stderr
    assert {row["serial"] for row in before}.isdisjoint({row["serial"] for row in after})
    assert stack.run("models").returncode == 0


@pytest.mark.spec("EDG-32", "OPS-23")
def test_leaves_are_renewed_before_they_expire(stack: Stack) -> None:
    """The supervisor replaces a leaf at half of its life; nobody has to ask for it."""
    Pki(stack.root).issue(every_identity(), ttl=timedelta(seconds=60))
    short_lived = Pki(stack.root).next_rotation()

    stack.until(lambda: Pki(stack.root).next_rotation() > short_lived + timedelta(minutes=5), "new leaves")
    assert stack.run("models").returncode == 0


def test_the_state_is_readable_by_its_owner_only(stack: Stack) -> None:
    """Nobody else on the machine can read a key, a password, a token or a log."""
    open_to_others = [
        path
        for path in stack.root.rglob("*")
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o007 and not path.is_socket()
    ]

    assert not stat.S_IMODE(stack.root.stat().st_mode) & 0o007
    assert [path for path in open_to_others if _reachable_by_others(path, stack.root)] == []


@pytest.mark.spec("EDG-30")
def test_no_process_shows_a_secret(stack: Stack) -> None:
    """Neither command lines nor environments hold what only files may hold."""
    secrets = [path.read_bytes().strip() for path in (stack.root / "secrets").iterdir()]
    processes = [part.process.pid for part in stack.record.parts.values() if part.process]
    shown = b"".join(Path(f"/proc/{pid}/{what}").read_bytes() for pid in processes for what in ("cmdline", "environ"))

    assert len(secrets) > 5
    assert [secret[:4] for secret in secrets if secret in shown] == []


def test_another_supervisor_is_refused(stack: Stack) -> None:
    """The running stack is not disturbed."""
    outcome = stack.up()

    assert outcome.returncode == 1
    assert "already runs" in outcome.stderr
    assert stack.run("status").returncode == 0


def test_the_log_of_each_part_is_at_hand(stack: Stack) -> None:
    """`logs` prints the last lines, and knows what it can print."""
    lines = stack.run("logs", "engine", "-n", "3").stdout.splitlines()

    assert 0 < len(lines) <= 3
    assert "one of: " in stack.run("logs", "nobody").stderr


def _reachable_by_others(path: Path, root: Path) -> bool:
    """Tell whether every folder from the root to ``path`` lets strangers pass."""
    between = [path, *path.parents][: len(path.relative_to(root).parts) + 1]
    return all(folder.stat().st_mode & 0o001 for folder in between[1:])


@pytest.mark.spec("REC-07")
def test_the_log_is_read_as_tiles(stack: Stack) -> None:
    """With the operator's token the tenant's log is served as tiles; without one the same address tells nothing."""
    decided = stack.told("decide", QUESTION)["decision"]
    stack.run("verify", decided["decisionId"])  # has it signed
    port = stack.told("status")["ports"]["tiles"]
    log = f"http://127.0.0.1:{port}/{decided['evidence']['origin']}"
    bearer = {"authorization": f"Bearer {stack.folder.token.read_text().strip()}"}

    checkpoint = httpx.get(f"{log}/checkpoint", headers=bearer)
    leaves = httpx.get(f"{log}/tile/0/000.p/1", headers=bearer)
    closed = httpx.get(f"{log}/checkpoint")

    assert (checkpoint.status_code, leaves.status_code, closed.status_code) == (200, 200, 401)
    assert is_signed(checkpoint.text, read_verifier_key(stack.folder.verifier_key.read_text()))
    assert len(leaves.content) == 32


@pytest.mark.spec("REC-07")
def test_a_proof_file_is_kept_and_checked(stack: Stack, tmp_path: Path) -> None:
    """The proof of a decision fits into a small text that verifies offline."""
    decided = stack.told("decide", QUESTION)["decision"]
    kept = tmp_path / "decision.tlog-proof"

    saved = stack.run("verify", decided["decisionId"], "--save", str(kept))
    judged = stack.run("verify", "--bundle", str(kept), "--json")

    assert (saved.returncode, judged.returncode) == (0, 0), saved.stderr + judged.stderr
    assert json.loads(judged.stdout)["decision_id"] == decided["decisionId"]
    assert kept.read_text().startswith("c2sp.org/tlog-proof@v1\n")
    assert kept.stat().st_size < 4096
