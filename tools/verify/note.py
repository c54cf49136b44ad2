"""Read C2SP verifier keys and signed checkpoints, and check their Ed25519 signatures."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519_TYPE = 1
PUBLIC_KEY_BYTES = 32
SIGNATURE_LINE_PREFIX = "\N{EM DASH} "


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A public key and the name it stands for; a name also stands for every log below it."""

    name: str
    public_key: bytes
    above: Mapping[str, int] = field(default_factory=dict)
    """By log: the size up to which a former key signs; this one counts above it."""
    upto: Mapping[str, int] | None = None
    """By log: the largest size that it signs, in other logs none; None where no key follows it."""

    def speaks_for(self, origin: str) -> bool:
        """Return whether a log of this name is to be signed by this key."""
        return origin == self.name or origin.startswith(self.name + "/")

    def signs(self, origin: str, size: int) -> bool:
        """Return whether a checkpoint of this log and size is to be signed by this key."""
        within = self.upto is None or size <= self.upto.get(origin, 0)
        return self.speaks_for(origin) and within and size > self.above.get(origin, 0)

    def unbounded(self) -> "Verifier":
        """Return the key without its limits, for what others vouch for as well."""
        return replace(self, above={}, upto=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTree:
    """The three lines of a checkpoint."""

    origin: str
    size: int
    root: bytes


def key_hash(name: str, public_key: bytes) -> bytes:
    """Return the 4 bytes by which a signature line names its key (C2SP signed-note)."""
    digest = hashlib.sha256()
    for part in (name.encode(), b"\x0a", bytes([ED25519_TYPE]), public_key):
        digest.update(part)
    return digest.digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """Return the text of a verifier key."""
    encoded = base64.b64encode(bytes([ED25519_TYPE]) + public_key).decode()
    return "+".join((name, key_hash(name, public_key).hex(), encoded))


def read_verifier_key(text: str) -> Verifier:
    """Return the key that a verifier key line holds.

    Raises:
        ValueError: it is not one, is not Ed25519, or its parts do not belong together.
    """
    name, _, rest = text.strip().partition("+")
    stated_hash, _, encoded = rest.partition("+")
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != 1 + PUBLIC_KEY_BYTES or raw[0] != ED25519_TYPE:
        raise ValueError("the verifier key is not an Ed25519 key")
    verifier = Verifier(name=name, public_key=raw[1:])
    if key_hash(name, verifier.public_key).hex() != stated_hash:
        raise ValueError("the verifier key's hash does not belong to its name and key")
    return verifier


def read_keys(text: str) -> list[Verifier]:
    """Return the keys of a verifier key file, the newest first.

    Each key has a line. Below a key that another follows, lines `until SIZE LOG` may say how far it signs each log; it
    then signs no other log, and the keys that follow sign the named ones only above. A line with # is a remark.

    Raises:
        ValueError: a line is none of these, or there is no key.
    """
    keys, ends = list[Verifier](), list[dict[str, int]]()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("until "):
            _, size, origin = line.split(" ")
            if not ends:
                raise ValueError("a line `until` stands below a key")
            ends[-1][origin] = int(size)
        elif not line.startswith("#"):
            keys.append(read_verifier_key(line))
            ends.append({})
    if not keys:
        raise ValueError("there is no verifier key")
    return [_bounded(key, own=ends[at], former=ends[at + 1 :]) for at, key in enumerate(keys)]


def _bounded(key: Verifier, *, own: dict[str, int], former: Sequence[dict[str, int]]) -> Verifier:
    above = {origin: max(end.get(origin, 0) for end in former) for end in former for origin in end}
    return replace(key, above=above, upto=own or None)


def read_checkpoint(note: str) -> SignedTree:
    """Return what a checkpoint says, whoever signed it.

    Raises:
        ValueError: it does not have the form of a checkpoint.
    """
    lines = note.split("\n")
    if len(lines) < len(("origin", "size", "root", "")) or "" in lines[:3]:
        raise ValueError("a checkpoint begins with origin, size and root")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError("the size of a checkpoint is a plain decimal number")
    return SignedTree(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))


def is_signed(note: str, verifier: Verifier) -> bool:
    """Return whether a signature line by ``verifier``, under the checkpoint's own origin, holds and counts at its size.

    Lines of other names or keys are ignored, as C2SP signed-note demands.
    """
    text, separator, lines = note.rpartition("\n\n")
    tree = read_checkpoint(note)
    origin = tree.origin
    if not separator or not verifier.signs(origin, tree.size):
        return False
    wanted = f"{SIGNATURE_LINE_PREFIX}{origin} "
    signatures = [line[len(wanted) :] for line in lines.split("\n") if line.startswith(wanted)]
    return any(_holds(signature, f"{text}\n".encode(), origin, verifier.public_key) for signature in signatures)


def _holds(encoded: str, message: bytes, origin: str, public_key: bytes) -> bool:
    try:
        raw = base64.b64decode(encoded, validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw[4:], message)
    except (ValueError, InvalidSignature):
        return False
    return raw[:4] == key_hash(origin, public_key)
