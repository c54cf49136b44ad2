"""A stack with a witness, as an operator uses it: evidence is seen, and one signing key follows another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.stack import Stack, running
from tools.verify.__main__ import main as verify_alone
from tools.verify.keys import SIGNING_KEY

WITHHELD = 3
"""Exit code of a decision that is not released: evidence all the same."""
QUESTION = "How many days of annual leave do employees get?"


@pytest.fixture(scope="module")
def witnessed() -> Iterator[Stack]:
    """Yield a stack of which a witness must have seen all evidence."""
    with running("--witness") as stack:
        yield stack


def decided(stack: Stack, bundle: Path) -> list[str]:
    """Make a decision and keep its evidence; return how it is verified without the stack."""
    answer = stack.run("decide", "--json", "--timeout", "60", QUESTION)
    assert answer.returncode in {0, WITHHELD}, answer.stdout + answer.stderr
    decision_id = json.loads(answer.stdout)["decision"]["decisionId"]
    checked = stack.run("verify", decision_id, "--save", str(bundle))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    folder = stack.folder
    return [str(bundle), "--key", str(folder.verifier_key), "--policy", str(folder.policy)]


@pytest.mark.spec("REC-07", "REC-08", "REC-19")
def test_a_new_key_while_the_mesh_serves(witnessed: Stack, tmp_path: Path) -> None:
    """Rotate, retire, follow: no decision fails, evidence of before and after verifies, the old key is gone."""
    keys = witnessed.folder.secrets / SIGNING_KEY
    first = keys.read_text()
    before = decided(witnessed, tmp_path / "before.json")
    assert witnessed.run("keys", "rotate").returncode == 0
    during = decided(witnessed, tmp_path / "during.json")
    witnessed.until(lambda: witnessed.run("keys", "retire").returncode == 0, "the newest key to sign every log")
    after = decided(witnessed, tmp_path / "after.json")
    followed = witnessed.run("keys", "follow")

    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "until " in witnessed.folder.verifier_key.read_text()
    assert first.strip() not in keys.read_text()
    assert [verify_alone(arguments) for arguments in (before, during, after)] == [0, 0, 0]
    shown = witnessed.run("keys", "show").stdout
    assert "up to size" in shown


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("part", ["witness", "publisher"])
def test_who_signs_may_die(witnessed: Stack, tmp_path: Path, part: str) -> None:
    """Killed, it is started again, and evidence of the time after it verifies with its witness."""
    killed = witnessed.send(part)
    witnessed.await_replaced(part, killed)

    assert verify_alone(decided(witnessed, tmp_path / "bundle.json")) == 0
