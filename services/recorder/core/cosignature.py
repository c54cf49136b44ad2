"""Cosignatures of C2SP tlog-cosignature, Ed25519 with a time: whoever makes one has seen that the log only grew."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from services.recorder.core.note import KEY_ID_BYTES, SIGNATURE_PREFIX, Holds, NoteError, Sign

ED25519_COSIGNATURE = b"\x04"
"""The signature type byte."""
TIME_BYTES = 8
KEY_BYTES = 32
LATEST_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """The name and public key of a witness."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Return SHA-256(name || 0x0A || 0x04 || key), cut off."""
        material = self.name.encode() + b"\n" + ED25519_COSIGNATURE + self.public_key
        return hashlib.sha256(material).digest()[:KEY_ID_BYTES]

    def verifier_key(self) -> str:
        """Return the verifier line `name+hex id+base64(type || key)`."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(ED25519_COSIGNATURE + self.public_key)}"


def read_cosigner(line: str) -> Cosigner:
    """Return the witness that a verifier line names.

    Raises:
        NoteError: it is none, or its parts do not belong together.
    """
    name, _, rest = line.partition("+")
    try:
        raw = base64.b64decode(rest.partition("+")[2], validate=True)
    except binascii.Error as error:
        raise NoteError("a verifier key ends with its key in base64") from error
    cosigner = Cosigner(name=name, public_key=raw[1:])
    if raw[:1] != ED25519_COSIGNATURE or len(raw) != 1 + KEY_BYTES or line != cosigner.verifier_key():
        raise NoteError("the verifier key of a witness names an Ed25519 cosignature key by its name, its id and itself")
    return cosigner


def message(text: str, timestamp: int) -> bytes:
    """Return what is signed: two lines that say for what and when, and the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosign(text: str, cosigner: Cosigner, signer: Sign, timestamp: int) -> str:
    """Return the signature line of a witness on a checkpoint's text at a POSIX time."""
    stamped = timestamp.to_bytes(TIME_BYTES, "big") + signer(message(text, timestamp))
    return f"{SIGNATURE_PREFIX}{cosigner.name} {_base64(cosigner.key_id + stamped)}\n"


def cosigned(lines: str, text: str, cosigner: Cosigner, holds: Holds) -> Iterator[tuple[str, int]]:
    """Yield each of ``lines`` that is a good cosignature of this witness on a checkpoint's text, and its time."""
    own = f"{SIGNATURE_PREFIX}{cosigner.name} "
    for line in lines.split("\n"):
        raw = b""
        with suppress(binascii.Error):
            raw = base64.b64decode(line.removeprefix(own), validate=True) if line.startswith(own) else b""
        key_id, stamp, signature = raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:][:TIME_BYTES], raw[KEY_ID_BYTES + TIME_BYTES :]
        timestamp = int.from_bytes(stamp, "big")
        meant = key_id == cosigner.key_id and timestamp <= LATEST_TIME
        if meant and holds(cosigner.public_key, signature, message(text, timestamp)):
            yield f"{line}\n", timestamp


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
