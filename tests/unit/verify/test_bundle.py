"""The offline verifier accepts what holds and names the first thing that does not."""

import ast
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import tools.verify
from tools.cli.proof import subject
from tools.verify import Fault, verify
from tools.verify.__main__ import main
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, generate
from tools.verify.note import key_hash, read_verifier_key, verifier_key

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ORIGIN = "evidence/local/acme/2026h2"
VKEY = verifier_key("evidence/local", KEY.public_key().public_bytes_raw())
NONCE = b"n" * 32
PAYLOAD = b"what was decided"
ENVELOPE = json.dumps({"v": 1, "payload": hashlib.sha256(NONCE + PAYLOAD).hexdigest()}).encode()


def b64(raw: bytes) -> str:
    """Encode as bundles do."""
    return base64.b64encode(raw).decode()


def checkpoint(size: int, root: bytes, origin: str = ORIGIN, key: Ed25519PrivateKey = KEY) -> str:
    """Sign a checkpoint by hand."""
    text = f"{origin}\n{size}\n{b64(root)}\n"
    signature = key_hash(origin, key.public_key().public_bytes_raw()) + key.sign(text.encode())
    return f"{text}\n\N{EM DASH} {origin} {b64(signature)}\n"


def tree(leaves: list[bytes], index: int) -> tuple[bytes, list[bytes]]:
    """Return root and inclusion path by the recursive words of RFC 6962."""
    if len(leaves) == 1:
        return leaves[0], []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, left_path = tree(leaves[:k], min(index, k - 1))
    right, right_path = tree(leaves[k:], max(index - k, 0))
    path = [*left_path, right] if index < k else [*right_path, left]
    return hashlib.sha256(b"\x01" + left + right).digest(), path


def bundle(at: int = 2, size: int = 5, **changes: Any) -> dict[str, Any]:
    """Return a bundle that holds, but for ``changes``."""
    leaves = [hashlib.sha256(b"\x00" + str(number).encode()).digest() for number in range(size)]
    leaves[at] = hashlib.sha256(b"\x00" + ENVELOPE).digest()
    root, path = tree(leaves, at)
    whole = {
        "envelope": b64(ENVELOPE),
        "index": at,
        "tree_size": size,
        "hashes": [b64(item) for item in path],
        "checkpoint": checkpoint(size, root),
        "leaf_hash": b64(leaves[at]),
        "payload": b64(PAYLOAD),
        "commitment_nonce": b64(NONCE),
    }
    return whole | changes


@pytest.mark.spec("REC-07")
@given(size=st.integers(1, 70), data=st.data())
def test_any_place_in_any_tree_verifies(size: int, data: st.DataObject) -> None:
    """A true bundle verifies wherever the record stands."""
    index = data.draw(st.integers(0, size - 1))

    result = verify(bundle(index, size), VKEY)

    assert result.verified
    assert (result.origin, result.index, result.tree_size) == (ORIGIN, index, size)


def test_optional_fields_may_be_absent() -> None:
    """Without payload and leaf hash the log's own promise is still checked."""
    whole = bundle()
    for name in ("leaf_hash", "payload", "commitment_nonce"):
        del whole[name]

    assert verify(whole, VKEY).verified


def test_numbers_as_protobuf_json_writes_them() -> None:
    """A bundle made from a JSON reply has its 64-bit numbers as text."""
    assert verify(bundle(index="2", tree_size="5"), VKEY).verified


STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
TAMPERED: dict[str, tuple[dict[str, Any], Fault]] = {
    "envelope": ({"envelope": b64(ENVELOPE + b" ")}, Fault.LEAF),
    "envelope without leaf": ({"envelope": b64(ENVELOPE + b" "), "leaf_hash": ""}, Fault.ROOT),
    "index": ({"index": 3}, Fault.ROOT),
    "index outside": ({"index": 5}, Fault.SIZE),
    "size": ({"tree_size": 6}, Fault.SIZE),
    "hash": ({"hashes": [b64(bytes(32))] * 3}, Fault.ROOT),
    "proof too short": ({"hashes": [b64(bytes(32))]}, Fault.PATH),
    "proof too long": ({"hashes": [b64(bytes(32))] * 9}, Fault.PATH),
    "payload": ({"payload": b64(b"something else")}, Fault.PAYLOAD),
    "nonce": ({"commitment_nonce": b64(bytes(32))}, Fault.PAYLOAD),
    "root in the checkpoint": ({"checkpoint": bundle()["checkpoint"].replace("\n5\n", "\n6\n")}, Fault.SIGNATURE),
    "stranger's signature": ({"checkpoint": checkpoint(5, bytes(32), key=STRANGER)}, Fault.SIGNATURE),
    "other deployment": ({"checkpoint": checkpoint(5, bytes(32), origin="evidence/else/acme/2026h2")}, Fault.SIGNATURE),
    "label of another log": ({"origin": "evidence/else/acme/2026h2"}, Fault.LABEL),
    "label of a decision": ({"decision_id": "d-2"}, Fault.LABEL),
    "no checkpoint": ({"checkpoint": "nothing"}, Fault.BUNDLE),
    "no signature": ({"checkpoint": f"{ORIGIN}\n5\n{b64(bytes(32))}\n"}, Fault.SIGNATURE),
    "not base64": ({"envelope": "!"}, Fault.BUNDLE),
    "not a number": ({"index": "two"}, Fault.BUNDLE),
    "negative": ({"index": -1}, Fault.BUNDLE),
    "not a list": ({"hashes": None}, Fault.BUNDLE),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_what_was_changed_is_named(case: str) -> None:
    """Each forgery is refused, and the first thing that does not hold is named."""
    changes, fault = TAMPERED[case]

    assert verify(bundle(**changes), VKEY).fault is fault


def test_missing_field_is_named() -> None:
    """An incomplete bundle says what it lacks."""
    result = verify({}, VKEY)

    assert result.fault is Fault.BUNDLE
    assert "envelope" in result.explanation


@given(data=st.data())
def test_no_flipped_bit_verifies(data: st.DataObject) -> None:
    """Whatever single bit of record, proof or signed lines changes, the bundle does not verify."""
    whole = bundle()
    name = data.draw(st.sampled_from(["envelope", "payload", "commitment_nonce", "leaf_hash"]))
    raw = bytearray(base64.b64decode(whole[name]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    assert not verify(whole | {name: b64(bytes(raw))}, VKEY).verified


@pytest.mark.parametrize(
    "vkey", ["", "a+b", "a+00000000+AQ==", VKEY.replace("+", "+0", 1), VKEY.replace("evidence", "e")]
)
def test_unreadable_key(vkey: str) -> None:
    """A key that is not one, or whose hash is wrong, verifies nothing."""
    assert verify(bundle(), vkey).fault is Fault.KEY


def test_signature_of_an_unknown_key_is_ignored() -> None:
    """More signatures, of witnesses for example, do not disturb."""
    whole = bundle()
    whole["checkpoint"] += f"\N{EM DASH} witness.example {b64(b'x' * 68)}\n"

    assert verify(whole, VKEY).verified


@pytest.mark.parametrize(("changes", "code", "word"), [({}, 0, "verified:"), ({"index": 3}, 1, "NOT verified (root)")])
def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], code: int, word: str
) -> None:
    """The command prints the verdict and its exit code says the same."""
    (tmp_path / "bundle.json").write_text(json.dumps(bundle(**changes)))
    (tmp_path / "recorder.vkey").write_text(VKEY + "\n")

    assert main([str(tmp_path / "bundle.json"), "--key", str(tmp_path / "recorder.vkey")]) == code
    assert capsys.readouterr().out.startswith(word)


@pytest.mark.parametrize("content", [None, "not json"])
def test_command_line_without_a_bundle(tmp_path: Path, content: str | None) -> None:
    """A file that is missing or no JSON is wrong usage."""
    (tmp_path / "recorder.vkey").write_text(VKEY)
    if content is not None:
        (tmp_path / "bundle.json").write_text(content)

    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "bundle.json"), "--key", str(tmp_path / "recorder.vkey")])


def test_made_keys_belong_together_and_stay(tmp_path: Path) -> None:
    """Keys are for their owner only, fit each other, and a second call leaves them alone."""
    generate(tmp_path, deployment="north")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    generate(tmp_path, deployment="north")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {SIGNING_KEY, BODY_KEY, VERIFIER_KEY}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (SIGNING_KEY, BODY_KEY)} == {0o600}
    assert read_verifier_key(before[VERIFIER_KEY].decode()).name == "evidence/north"


def test_an_envelope_of_endless_depth() -> None:
    """An envelope that no reader of JSON can take in is a fault like any other, not the end of the check."""
    deep = b"[" * 100_000
    leaf = hashlib.sha256(b"\x00" + deep).digest()
    told = {"envelope": b64(deep), "leaf_hash": b64(leaf), "checkpoint": checkpoint(1, leaf)}

    assert verify(bundle(0, 1, **told), VKEY).fault is Fault.PAYLOAD
    assert verify(bundle(0, 1, **told, payload=None, decision_id="d"), VKEY).fault is Fault.LABEL
    assert subject(told) == ""


def test_nothing_of_the_mesh_is_imported() -> None:
    """The verifier stands on the standard library and `cryptography` alone."""
    allowed = sys.stdlib_module_names | {"cryptography", "tools"}
    for file in Path(tools.verify.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []

            assert {name.split(".")[0] for name in names} <= allowed
            assert all(name.startswith("tools.verify") for name in names if name.startswith("tools"))
