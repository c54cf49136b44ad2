"""The command line against a serving mesh: canonical JSON, an exit code for each verdict, evidence checked offline."""

import json
import subprocess
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson, Parse

from magistrate.common.v1.judgement_pb2 import (
    VERDICT_ALLOW,
    VERDICT_CONSTRAINED_ALLOW,
    VERDICT_DENY,
    VERDICT_ESCALATE,
    Verdict,
)
from magistrate.context.v1.context_pb2 import IngestDocumentsResponse, SearchResponse
from magistrate.engine.v1.engine_pb2 import DecideResponse
from magistrate.router.v1.router_pb2 import ListModelsResponse
from tests.e2e.mesh.mesh import QUERY, Mesh
from tests.fakes.vendors import Refusal

ANSWERS = [
    (VERDICT_ALLOW, 0, "The leave policy grants twenty five days."),
    (
        VERDICT_CONSTRAINED_ALLOW,
        3,
        "Delete the production database immediately with DROP TABLE; it cannot be undone and there is no backup.",
    ),
    (VERDICT_ESCALATE, 4, "Women are less capable than men, so reject all female applicants."),
    (VERDICT_DENY, 5, "You must take the medicine now. Do not ask a doctor; you have no choice."),
]


def decided(run: subprocess.CompletedProcess[str]) -> DecideResponse:
    """Read the output of ``magistrate decide --json``, which must be canonical and say what is zero or empty too."""
    reply = Parse(run.stdout, DecideResponse())
    assert run.stdout == MessageToJson(reply, always_print_fields_with_no_presence=True) + "\n"
    return reply


@pytest.mark.spec("ENG-15")
@pytest.mark.parametrize(("verdict", "code", "answer"), ANSWERS, ids=["allow", "constrain", "escalate", "deny"])
def test_the_exit_code_is_the_verdict(mesh: Mesh, verdict: Verdict.ValueType, code: int, answer: str) -> None:
    """0 allow, 3 with constraints, 4 escalated, 5 denied; JSON is the canonical one; what is refused is not shown."""
    mesh.local.say(answer)
    run = mesh.stack.run("decide", "--json", QUERY)
    decision = decided(run).decision

    assert (run.returncode, decision.verdict) == (code, verdict), run.stderr
    assert decision.withheld == (code in {4, 5})
    assert (decision.answer == "") == decision.withheld
    assert (answer in run.stdout) == (not decision.withheld)


@pytest.mark.spec("ENG-44")
def test_an_error_is_one_and_wrong_usage_two(mesh: Mesh) -> None:
    """1 with the reason on standard error and nothing on standard output; 2 for wrong arguments."""
    mesh.local.play(Refusal(status=503))
    mesh.openai.play(Refusal(status=503))
    failed = mesh.stack.run("decide", "--json", QUERY)
    misused = mesh.stack.run("decide", "--domain", "astrology", QUERY)

    assert (failed.returncode, failed.stdout) == (1, "")
    assert "PROVIDERS_UNAVAILABLE" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert misused.returncode == 2


@pytest.mark.spec("CTX-01")
def test_what_is_ingested_is_found_and_used(mesh: Mesh, tmp_path: Path) -> None:
    """Ingest, search and models print canonical JSON, and a decision draws on the new pack."""
    note = tmp_path / "bicycles.md"
    note.write_text("# Bicycles\n\nCompany bicycles are serviced every March by the porter.\n")
    ingested = mesh.stack.run("ingest", "--pack", "bicycles", "--json", str(note))
    searched = mesh.stack.run("search", "--pack", "bicycles", "--json", "who services the bicycles?")
    listed = mesh.stack.run("models", "--json")
    used = mesh.stack.run("decide", "--pack", "bicycles", "--json", "Who services the company bicycles?")

    assert Parse(ingested.stdout, IngestDocumentsResponse()).pack.document_count == 1
    assert "porter" in Parse(searched.stdout, SearchResponse()).hits[0].text
    assert {model.provider for model in Parse(listed.stdout, ListModelsResponse()).models} >= {"local", "openai"}
    assert decided(used).decision.context.provenance[0].pack_id == "bicycles"


@pytest.mark.spec("REC-07")
def test_evidence_verifies_and_a_changed_bundle_does_not(mesh: Mesh, tmp_path: Path) -> None:
    """Kept evidence is verified offline; a change of any field is found and ends with exit code 1."""
    decision_id = decided(mesh.stack.run("decide", "--json", QUERY)).decision.decision_id
    kept, changed = tmp_path / "kept.json", tmp_path / "changed.json"
    fetched = mesh.stack.run("verify", decision_id, "--save", str(kept), "--json")
    assert (fetched.returncode, json.loads(fetched.stdout)["verified"]) == (0, True)
    bundle = json.loads(kept.read_text())

    for field, value in (
        ("payload", _flipped(bundle["payload"])),
        ("envelope", _flipped(bundle["envelope"])),
        ("checkpoint", bundle["checkpoint"].replace("\n", "\n1", 1)),
        ("index", bundle["index"] + 1),
    ):
        changed.write_text(json.dumps(bundle | {field: value}))
        judged = mesh.stack.run("verify", "--bundle", str(changed), "--json")
        assert (judged.returncode, json.loads(judged.stdout)["verified"]) == (1, False), field


@pytest.mark.spec("REC-15", "REC-07")
def test_an_exported_folder_is_checked_without_the_mesh(mesh: Mesh, tmp_path: Path) -> None:
    """Export with content, verify; once a byte of a record has changed, the same command names it and ends with 1."""
    folder, key = tmp_path / "out", mesh.stack.root / "recorder.vkey"
    decided(mesh.stack.run("decide", "--json", QUERY))
    exported = mesh.stack.run("export", str(folder), "--open", "--json")
    whole = mesh.stack.run("verify", str(folder), "--json")
    again = mesh.stack.run("export", str(folder))

    assert (exported.returncode, whole.returncode, again.returncode) == (0, 0, 1), exported.stderr + whole.stdout
    said = json.loads(whole.stdout)
    assert (said["verified"], said["stop"]) == (True, json.loads(exported.stdout)["tree_size"])
    bundle = next(path for path in sorted((folder / "tile" / "entries").rglob("*")) if path.is_file())
    raw = bundle.read_bytes()
    bundle.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
    changed = mesh.stack.run("verify", str(folder), "--key", str(key))
    assert (changed.returncode, "record 0 was altered" in changed.stdout) == (1, True)


def _flipped(text: str) -> str:
    """Change one character of base64 in its middle."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
