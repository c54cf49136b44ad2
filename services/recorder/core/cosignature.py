"""Cosignatures of C2SP tlog-cosignature, each with a time: whoever makes one has seen that the log only grew.

There are two kinds: of Ed25519, and of ML-DSA-44, which holds against quantum computers too. The key's length tells it.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from services.recorder.core import note
from services.recorder.core.note import KEY_ID_BYTES, SIGNATURE_PREFIX, Holds, NoteError, Sign

ED25519_KEY_BYTES, ML_DSA_44_KEY_BYTES = 32, 1312
TYPES: Mapping[int, bytes] = MappingProxyType({ED25519_KEY_BYTES: b"\x04", ML_DSA_44_KEY_BYTES: b"\x06"})
"""The signature type byte by the length of the public key."""
TIME_BYTES = 8
LABEL = b"subtree/v1\n\0"
LATEST_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """The name and public key of a witness."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Return SHA-256(name || 0x0A || type || key), cut off."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:KEY_ID_BYTES]

    def verifier_key(self) -> str:
        """Return the verifier line `name+hex id+base64(type || key)`."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(self._typed)}"

    def message(self, text: str, timestamp: int) -> bytes:
        """Return what is signed of a checkpoint's text at a POSIX time.

        For Ed25519 two lines, that say for what and when, and the whole text; for ML-DSA-44 a `cosigned_message`, which
        also names the cosigner and has of the text what it states.

        Raises:
            NoteError: the text is not that of a checkpoint.
        """
        if len(self.public_key) == ED25519_KEY_BYTES:
            return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
        stated = note.parse(f"{text}\n")
        numbers = (number.to_bytes(TIME_BYTES, "big") for number in (timestamp, 0, stated.size))
        time, start, end = numbers
        return LABEL + _opaque(self.name) + time + _opaque(stated.origin) + start + end + stated.root

    @property
    def _typed(self) -> bytes:
        return TYPES[len(self.public_key)] + self.public_key


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
    if TYPES.get(len(raw) - 1) != raw[:1] or line != cosigner.verifier_key():
        raise NoteError("the verifier key of a witness names a cosignature key by its name, its id and itself")
    return cosigner


def cosign(text: str, cosigner: Cosigner, signer: Sign, timestamp: int) -> str:
    """Return the signature line of a witness on a checkpoint's text at a POSIX time."""
    stamped = timestamp.to_bytes(TIME_BYTES, "big") + signer(cosigner.message(text, timestamp))
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
        if meant and holds(cosigner.public_key, signature, cosigner.message(text, timestamp)):
            yield f"{line}\n", timestamp


def _opaque(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(1, "big") + raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
