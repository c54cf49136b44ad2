"""Signed notes and checkpoints in the text formats of C2SP (signed-note, tlog-checkpoint), byte for byte.

The key of a deployment signs every log under the log's own origin as key name, as tlog-checkpoint recommends; so each
log has its own verifier line, all with the same public key.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

ED25519 = b"\x01"
"""The signature type byte of Ed25519."""
KEY_ID_BYTES = 4

Sign = Callable[[bytes], bytes]
"""Return the 64-byte Ed25519 signature of a message."""


Holds = Callable[[bytes, bytes, bytes], bool]
"""Return whether a public key has made a 64-byte signature of a message."""
SIGNATURE_PREFIX = "\N{EM DASH} "


class NoteError(ValueError):
    """The text is not a checkpoint note, or no verifier key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What is signed about a log: its name, its number of leaves and their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes that name an Ed25519 key: SHA-256(name || 0x0A || 0x01 || key), cut off."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, public_key: bytes) -> str:
    """Return the verifier line `name+hex id+base64(type || key)` that readers of the log are given."""
    return f"{name}+{key_id(name, public_key).hex()}+{_base64(ED25519 + public_key)}"


def public_key_of(line: str) -> bytes:
    """Return the Ed25519 key of a verifier line.

    Raises:
        NoteError: it is none, or its parts do not belong together.
    """
    name, _, rest = line.strip().partition("+")
    try:
        raw = base64.b64decode(rest.partition("+")[2], validate=True)
    except binascii.Error as error:
        raise NoteError("a verifier key ends with its key in base64") from error
    if raw[:1] != ED25519 or line.strip() != verifier_key(name, raw[1:]):
        raise NoteError("a verifier key names an Ed25519 key by its name, its id and itself")
    return raw[1:]


def public_keys_of(lines: str) -> list[bytes]:
    """Return the keys of a verifier key file, the newest first; what it says about sizes is for those who verify.

    Raises:
        NoteError: it has no key, or a line that is none.
    """
    kept = (line for line in lines.splitlines() if line.strip() and not line.startswith(("#", "until ")))
    keys = [public_key_of(line) for line in kept]
    if not keys:
        raise NoteError("a verifier key file names at least one Ed25519 key")
    return keys


def sign(text: str, *, name: str, public_key: bytes, signer: Sign) -> str:
    """Return the signed note of ``text``; only the text is signed, never the signature lines (trap T10)."""
    return f"{text}\n{signature_line(text, name=name, public_key=public_key, signer=signer)}"


def signature_line(text: str, *, name: str, public_key: bytes, signer: Sign) -> str:
    """Return one more signature of ``text``, a line to be put below the others."""
    signature = key_id(name, public_key) + signer(text.encode())
    return f"{SIGNATURE_PREFIX}{name} {_base64(signature)}\n"


def signers(note: str, checkpoint: Checkpoint, public_keys: Iterable[bytes], holds: Holds) -> list[bytes]:
    """Return which of these keys have signed ``note`` in the log's own name; none where it does not state that."""
    text = text_of(note)
    return keys_that_signed(note, checkpoint.origin, public_keys, holds) if text == checkpoint.text() else []


def keys_that_signed(note: str, origin: str, public_keys: Iterable[bytes], holds: Holds) -> list[bytes]:
    """Return which of these keys have signed the whole text of ``note`` in this name, whatever it states."""
    text, found = text_of(note).encode(), list(_signatures(note, origin))
    return [
        key
        for key in public_keys
        if any(raw[:KEY_ID_BYTES] == key_id(origin, key) and holds(key, raw[KEY_ID_BYTES:], text) for raw in found)
    ]


def text_of(note: str) -> str:
    """Return what is signed of a note: all before its blank line; empty where it has none."""
    text, separator, _ = note.partition("\n\n")
    return f"{text}\n" if separator else ""


def named(note: str, origin: str, public_keys: Iterable[bytes]) -> list[bytes]:
    """Return which of these keys ``note`` has signatures of, by their ids; whether they hold is not looked at."""
    ids = {raw[:KEY_ID_BYTES] for raw in _signatures(note, origin)}
    return [key for key in public_keys if key_id(origin, key) in ids]


def _signatures(note: str, origin: str) -> Iterator[bytes]:
    """Yield the signatures in the log's own name, each with its key id before it."""
    own = f"{SIGNATURE_PREFIX}{origin} "
    for line in note.partition("\n\n")[2].split("\n"):
        if line.startswith(own):
            with suppress(binascii.Error):
                yield base64.b64decode(line.removeprefix(own), validate=True)


def parse(note: str) -> Checkpoint:
    """Return the checkpoint that a note states, without judging its signatures.

    Raises:
        NoteError: it does not have the three lines of a checkpoint.
    """
    text, separator, _ = note.partition("\n\n")
    try:
        origin, size, root, *_ = text.split("\n")
        checkpoint = Checkpoint(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise NoteError("a checkpoint has an origin, a size and a root, each on its own line") from error
    if not separator or str(checkpoint.size) != size:
        raise NoteError("a checkpoint ends with a blank line, and its size has no leading zero")
    return checkpoint


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
