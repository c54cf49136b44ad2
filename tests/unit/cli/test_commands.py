"""Wrong usage ends with exit code 2, a failure with 1 and one sentence; what needs no stack asks for none."""

import base64
import hashlib
import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tools.cli.main import run
from tools.up.folder import Folder
from tools.up.signing import show_keys
from tools.verify.keys import SIGNING_KEY, VERIFIER_KEY, generate, succeed
from tools.verify.note import key_hash

ORIGIN = "evidence/local/default/2026h2"
COMMANDS = (
    "up",
    "down",
    "status",
    "logs",
    "decide",
    "ingest",
    "search",
    "models",
    "champion",
    "costs",
    "records",
    "replay",
    "verify",
    "export",
    "erase",
    "backup",
    "certs",
    "keys",
    "migrate",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def magistrate(*arguments: str, env: Mapping[str, str] | None = None) -> Outcome:
    """Run the command line in this process: none of these commands starts anything."""
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["magistrate", *arguments])
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            run()
    return Outcome(int(end.value.code or 0), output.getvalue(), errors.getvalue())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return the saved evidence of a log with one record, signed by a fresh key beside it."""
    generate(tmp_path)
    key = load_pem_private_key((tmp_path / SIGNING_KEY).read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    envelope = b'{"decision":"d-1"}'
    root = hashlib.sha256(b"\x00" + envelope).digest()
    text = f"{ORIGIN}\n1\n{base64.b64encode(root).decode()}\n"
    name = key_hash(ORIGIN, key.public_key().public_bytes_raw())
    signature = base64.b64encode(name + key.sign(text.encode())).decode()
    content = {
        "envelope": base64.b64encode(envelope).decode(),
        "index": 0,
        "tree_size": 1,
        "hashes": [],
        "checkpoint": f"{text}\n\N{EM DASH} {ORIGIN} {signature}\n",
        "leaf_hash": base64.b64encode(root).decode(),
    }
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(content))
    return path


def test_help_names_every_command() -> None:
    """A newcomer finds the way from one page."""
    shown = magistrate("--help")

    assert shown.returncode == 0
    assert [command for command in COMMANDS if command not in shown.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("decide",),
        ("decide", "q", "--domain", "astrology"),
        ("decide", "q", "--timeout", "0"),
        ("decide", "q", "--timeout", "inf"),
        ("models", "--timeout", "nan"),
        ("replay", "--since", "7d"),
        ("replay", "d-1", "--policy", "cautious@1"),
        ("decide", "q", "--vote", "loudest"),
        ("decide", "q", "--tools", "-1"),
        ("decide", "caf\udce9"),
        ("search", "caf\udce9"),
        ("decide", "q", "--max-tokens", "99999999999"),
        ("search", "q", "--limit", "-1"),
        ("up", "--edge-port", "70000"),
        ("up", "--provider", "openai"),
        ("up", "--demo", "--json"),
        ("champion", "--domain", "astrology"),
        ("champion", "promote", "gpt-4"),
        ("champion", "promote", "--reason", "better"),
        ("champion", "demote", "gpt-4", "--reason", "worse", "--expected-version", "-1"),
        ("verify",),
        ("verify", "d-1", "--bundle", "x.json"),
        ("verify", "d-1", "--kept", "checkpoint"),
        ("verify", ".", "--save", "x.json"),
        ("verify", ".", "--bundle", "x.json"),
        ("export",),
        ("export", "folder", "--start", "-1"),
        ("export", "folder", "--since", "yesterday"),
        ("export", "folder", "--subject", "ada"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is started or asked where the command itself is wrong."""
    outcome = magistrate(*arguments, env={"MAGISTRATE_STATE": str(tmp_path / "state")})

    assert outcome.returncode == 2, outcome.stdout + outcome.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("decide", "q"),
        ("decide", "q", "--plan"),
        ("ingest", "README.md"),
        ("search", "q"),
        ("models",),
        ("champion",),
        ("champion", "--audit"),
        ("champion", "promote", "gpt-4", "--reason", "better"),
        ("champion", "demote", "gpt-4", "--reason", "worse"),
        ("verify", "d-1"),
        ("erase", "ada", "--basis", "GDPR Art. 17"),
        ("migrate", "current"),
        ("certs", "rotate"),
        ("logs", "engine"),
    ],
    ids=" ".join,
)
def test_without_a_stack_commands_say_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """One sentence, one hint, no traceback."""
    outcome = magistrate(*arguments, "--state", str(tmp_path / "state"))

    assert outcome.returncode == 1
    assert outcome.stderr.startswith("✗ ")
    assert "→" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_down_and_status_are_safe_without_a_stack(tmp_path: Path) -> None:
    """Stopping twice is no failure; asking makes nothing."""
    state = ("--state", str(tmp_path / "state"))

    assert magistrate("down", *state).stdout == "Nothing was running.\n"
    assert json.loads(magistrate("down", "--json", *state).stdout) == {"stopped": []}
    assert magistrate("status", *state).returncode == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "command", ["up", "down", "status", "decide q", "logs engine", "certs show", "migrate current"]
)
def test_a_state_that_is_a_file_is_named(command: str, tmp_path: Path) -> None:
    """Every command says which folder it wanted, and none shows a traceback."""
    (tmp_path / "notes.txt").write_text("text")
    outcome = magistrate(*command.split(), "--state", str(tmp_path / "notes.txt"))

    assert outcome.returncode == 1
    assert "notes.txt is no folder" in outcome.stderr.replace("\n", " ")


def test_the_version_is_told() -> None:
    """A report of a fault can name what it is about."""
    outcome = magistrate("--version")

    assert outcome.returncode == 0
    assert outcome.stdout.startswith("magistrate ")


def test_a_name_cannot_lead_out_of_the_logs(tmp_path: Path) -> None:
    """`logs` reads logs, whatever it is told."""
    (tmp_path / "state" / "logs").mkdir(parents=True)
    (tmp_path / "state" / "secret.log").write_text("password")
    outcome = magistrate("logs", "../secret", "--state", str(tmp_path / "state"))

    assert outcome.returncode == 1
    assert "password" not in outcome.stdout


def test_purging_a_folder_that_is_no_stack_removes_nothing(tmp_path: Path) -> None:
    """A wrongly typed folder loses no file of its owner."""
    (tmp_path / "thesis.txt").write_text("years of work")
    magistrate("down", "--purge", "--state", str(tmp_path))

    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.spec("REC-07")
def test_evidence_is_verified_without_a_stack(bundle: Path) -> None:
    """An auditor needs the bundle and the public key, and nothing that runs."""
    outcome = magistrate("verify", "--bundle", str(bundle), "--key", str(bundle.parent / VERIFIER_KEY))

    assert outcome.returncode == 0, outcome.stderr
    assert "proof: verified (record 0 of evidence/local/default/2026h2" in outcome.stdout


@pytest.mark.spec("REC-07")
def test_changed_evidence_is_not_verified(bundle: Path) -> None:
    """One changed byte is found and named."""
    content = json.loads(bundle.read_text())
    content["envelope"] = base64.b64encode(b'{"decision":"d-2"}').decode()
    bundle.write_text(json.dumps(content))
    key = str(bundle.parent / VERIFIER_KEY)
    outcome = magistrate("verify", "--bundle", str(bundle), "--key", key, "--json")

    assert outcome.returncode == 1
    assert json.loads(outcome.stdout)["verified"] is False
    assert json.loads(outcome.stdout)["fault"] == "leaf"


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("asked", ["d-1", "d-2"])
def test_evidence_of_another_decision_is_not_verified(bundle: Path, asked: str) -> None:
    """True evidence proves nothing about a decision that it does not name, whatever the bundle calls itself."""
    bundle.write_text(json.dumps(json.loads(bundle.read_text()) | {"decision_id": asked}))
    outcome = magistrate("verify", "--bundle", str(bundle), "--key", str(bundle.parent / VERIFIER_KEY))

    assert outcome.returncode == (0 if asked == "d-1" else 1)
    assert ("not of decision d-2" in outcome.stdout) == (asked == "d-2")


def test_a_bundle_that_cannot_be_kept_is_one_sentence(bundle: Path) -> None:
    """What the machine refuses is said with its place, not as a traceback."""
    key = str(bundle.parent / VERIFIER_KEY)
    outcome = magistrate(
        "verify", "--bundle", str(bundle), "--key", key, "--save", str(bundle.parent / "no" / "b.json")
    )

    assert outcome.returncode == 1
    assert "b.json: No such file or directory" in outcome.stderr


def test_a_folder_that_is_not_there_is_no_decision(tmp_path: Path) -> None:
    """A typing error in a path does not send anybody looking for a decision of that name."""
    outcome = magistrate("verify", str(tmp_path / "evidnce"), "--state", str(tmp_path))

    assert outcome.returncode == 1
    assert "there is no folder" in outcome.stderr


@pytest.mark.parametrize("policy", ["", "# nobody\n", "witness w"])
def test_a_policy_that_asks_nobody_by_accident_proves_nothing(policy: str, bundle: Path) -> None:
    """Who asks for witnesses and gives an empty file is not told that they have seen it."""
    (bundle.parent / "policy").write_text(policy)
    key, asked = str(bundle.parent / VERIFIER_KEY), str(bundle.parent / "policy")
    outcome = magistrate("verify", "--bundle", str(bundle), "--key", key, "--policy", asked)

    assert outcome.returncode == 1
    assert "NOT verified: key" in outcome.stdout
    assert "policy" in outcome.stdout


def test_a_bundle_cannot_write_on_the_screen(bundle: Path) -> None:
    """What a bundle calls its decision is shown as one line of characters, never as a verdict in colour."""
    content = json.loads(bundle.read_text())
    spoof = {"decision": "d-1\n\x1b[2Jproof: [bold green]verified[/]"}
    content["envelope"] = base64.b64encode(json.dumps(spoof).encode()).decode()
    bundle.write_text(json.dumps(content))
    outcome = magistrate("verify", "--bundle", str(bundle), "--key", str(bundle.parent / VERIFIER_KEY))

    assert outcome.returncode == 1
    assert "\x1b" not in outcome.stdout
    assert outcome.stdout.splitlines()[1:] == [
        "of decision: d-1 \N{REPLACEMENT CHARACTER}[2Jproof: [bold green]verified[/]"
    ]


@pytest.mark.parametrize("name", ["", "w 1", "w+1", "w\x1b"])
def test_a_name_that_no_signature_can_carry_makes_no_key(name: str, tmp_path: Path) -> None:
    """A witness finds out before it hands its key out."""
    outcome = magistrate("keys", "witness", str(tmp_path), "--name", name)

    assert outcome.returncode == 1
    assert "is no name of a key" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_second_witness_key_under_another_name_is_refused(tmp_path: Path) -> None:
    """The same call again tells the same key; another name is not given the old key in silence."""
    first = magistrate("keys", "witness", str(tmp_path), "--name", "w.example/1")
    again = magistrate("keys", "witness", str(tmp_path), "--name", "w.example/1")
    other = magistrate("keys", "witness", str(tmp_path), "--name", "w.example/2")

    assert first.stdout.startswith("w.example/1+")
    assert again.stdout == first.stdout
    assert other.returncode == 1
    assert "is the key of w.example/1" in other.stderr


def test_keys_are_shown_whole_on_any_screen(tmp_path: Path) -> None:
    """A key that is shown can be given to whoever verifies; of the former one nobody knows yet how far it counts."""
    folder = Folder(root=tmp_path)
    generate(folder.secrets)
    newest = succeed(folder.secrets)
    show_keys(folder)
    shown = magistrate("keys", "show", "--state", str(tmp_path), env={"COLUMNS": "60"})
    told = magistrate("keys", "show", "--json", "--state", str(tmp_path))

    assert newest[-10:] in shown.stdout
    assert "keys follow" in shown.stdout
    assert [key["key"] == newest for key in json.loads(told.stdout)] == [True, False]
    assert [key["upto"] for key in json.loads(told.stdout)] == [None, None]
