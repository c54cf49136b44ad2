"""Proof files are those of C2SP tlog-proof, byte for byte, and are judged as bundles are."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.test_bundle import VKEY, bundle
from tools.verify import Fault, tlog_proof, verify
from tools.verify.__main__ import main

HASH = base64.b64encode(b"h" * 32).decode()
CHECKPOINT = f"example.com/log\n3\n{HASH}\n\n\N{EM DASH} example.com/log AAAA\n"
TEXT = f"c2sp.org/tlog-proof@v1\nextra eyJ9\nindex 2\n{HASH}\n{HASH}\n\n{CHECKPOINT}"


def test_the_format() -> None:
    """Header, extra data, index, hashes, an empty line, the checkpoint as it was signed."""
    written = tlog_proof.write({"envelope": "eyJ9", "index": 2, "hashes": [HASH, HASH], "checkpoint": CHECKPOINT})

    assert written == TEXT
    assert tlog_proof.is_proof(TEXT)
    assert tlog_proof.read(TEXT) == {
        "envelope": "eyJ9",
        "index": 2,
        "tree_size": 3,
        "hashes": [HASH, HASH],
        "checkpoint": CHECKPOINT,
    }


@pytest.mark.spec("REC-07")
@given(size=st.integers(1, 70), data=st.data())
def test_what_is_written_verifies(size: int, data: st.DataObject) -> None:
    """The proof file of any record verifies with the key alone, also where the path is empty."""
    index = data.draw(st.integers(0, size - 1))

    read = tlog_proof.read(tlog_proof.write(bundle(index, size)))

    assert verify(read, VKEY).verified
    assert verify(read | {"index": index + 1}, VKEY).fault in {Fault.SIZE, Fault.ROOT, Fault.PATH}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 2\n", ""),
        TEXT.replace("index 2", "index 02"),
        TEXT.replace("index 2", "index -2"),
        TEXT.replace("extra eyJ9\n", ""),
        TEXT.replace("eyJ9", "eyJ9="),
        TEXT.replace("extra eyJ9", "extra %"),
        TEXT.replace(f"{HASH}\n{HASH}\n\n", f"{HASH}\n?\n\n"),
        TEXT.replace("\n\n", "\n"),
    ],
)
def test_what_is_no_proof_file(text: str) -> None:
    """A text of another form is refused."""
    with pytest.raises(ValueError, match=r"proof|base64"):
        tlog_proof.read(text)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m tools.verify` takes a proof file where it takes a bundle."""
    proof, key = tmp_path / "d.tlog-proof", tmp_path / "vkey"
    key.write_text(VKEY)
    proof.write_text(tlog_proof.write(bundle()))
    assert main([str(proof), "--key", str(key)]) == 0
    proof.write_text(proof.read_text().replace("index 2", "index 3"))
    assert main([str(proof), "--key", str(key)]) == 1
    assert "NOT verified (root)" in capsys.readouterr().out
