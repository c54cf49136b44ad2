"""Checkpoints are C2SP notes, byte for byte."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.recorder.core.note import Checkpoint, NoteError, key_id, parse, sign, verifier_key

ROOT = hashlib.sha256(b"root").digest()
CHECKPOINT = Checkpoint(origin="evidence/local/acme/2026h2", size=7, root=ROOT)


def test_published_verifier_key() -> None:
    """The verifier key and signature that Go's note package documents come out and verify."""
    key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signature = base64.b64decode(line)

    Ed25519PublicKey.from_public_bytes(key).verify(signature[4:], text.encode())

    assert verifier_key("PeterNeumann", key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert signature[:4] == key_id("PeterNeumann", key)
    assert sign(text, name="PeterNeumann", public_key=key, signer=lambda _: signature[4:]).endswith(
        f"\n\n\N{EM DASH} PeterNeumann {line}\n"
    )


@pytest.mark.spec("T10", "REC-07")
def test_only_the_text_is_signed() -> None:
    """The signature is over the canonical text, without the signature line, and the note parses back."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = private.public_key().public_bytes_raw()

    note = sign(CHECKPOINT.text(), name=CHECKPOINT.origin, public_key=public, signer=private.sign)

    text, _, line = note.partition("\n\n")
    signature = base64.b64decode(line.split(" ")[2])
    private.public_key().verify(signature[4:], f"{text}\n".encode())
    assert text == f"evidence/local/acme/2026h2\n7\n{base64.b64encode(ROOT).decode()}"
    assert parse(note) == CHECKPOINT


@pytest.mark.parametrize(
    "note", ["", "origin\n7\n\n", "origin\n07\nAAAA\n\n", "origin\nx\nAAAA\n\n", "origin\n7\n!\n\n", "o\n7\nAAAA"]
)
def test_not_a_checkpoint(note: str) -> None:
    """A text without origin, size and root is refused."""
    with pytest.raises(NoteError):
        parse(note)
