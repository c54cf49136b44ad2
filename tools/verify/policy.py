"""Judge whether enough witnesses have seen a checkpoint, by a policy in the text format of C2SP tlog-policy."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tools.verify.note import SIGNATURE_LINE_PREFIX, Verifier, read_checkpoint, read_verifier_key

ED25519_TYPE, ML_DSA_44_TYPE = 4, 6
KEY_BYTES = {ED25519_TYPE: 32, ML_DSA_44_TYPE: 1312}
STAMP_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness by its name and key."""

    name: str
    public_key: bytes
    kind: int = ED25519_TYPE

    @property
    def key_hash(self) -> bytes:
        """Return the 4 bytes by which a signature line names it (C2SP tlog-cosignature)."""
        return hashlib.sha256(self.name.encode() + b"\x0a" + bytes([self.kind]) + self.public_key).digest()[:4]

    def verifier_key(self) -> str:
        """Return the text of its verifier key."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_hash.hex()}+{encoded}"


@dataclass(slots=True, kw_only=True)
class Policy:
    """Who must have signed and cosigned a checkpoint."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""

    def met(self, names: set[str]) -> bool:
        """Return whether these witnesses are enough."""
        return self.quorum == "none" or self._counts(self.quorum, names)

    def _counts(self, name: str, names: set[str]) -> bool:
        if name not in self.groups:
            return name in names
        threshold, members = self.groups[name]
        return len([member for member in members if self._counts(member, names)]) >= threshold


def read_policy(text: str) -> Policy:
    """Return the policy that a file holds.

    Raises:
        ValueError: it holds none; the message names the line.
    """
    policy, members = Policy(), set[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.replace("\t", " ").split()
        if words and not words[0].startswith("#"):
            try:
                _take(policy, members, words)
            except (ValueError, IndexError) as error:
                raise ValueError(f"line {number} of the policy is wrong: {error}") from error
    if not policy.quorum:
        raise ValueError("the policy has no quorum line")
    return policy


def _take(policy: Policy, members: set[str], words: Sequence[str]) -> None:
    known = {*policy.witnesses, *policy.groups}
    keyword, rest = words[0], words[1:]
    if keyword == "log":
        policy.logs.append(read_verifier_key(rest[0]))
    elif keyword == "witness" and rest[0] not in {*known, "none"}:
        policy.witnesses[rest[0]] = _witness(rest[1])
    elif keyword == "group" and rest[0] not in {*known, "none"}:
        policy.groups[rest[0]] = _group(rest[1], rest[2:], known - members)
        members.update(rest[2:])
    elif keyword == "quorum" and not policy.quorum and rest[0] in {*known, "none"}:
        policy.quorum = rest[0]
    else:
        raise ValueError(f"{' '.join(words)!r} is unknown, repeated, or names what is not defined above it")


def _group(count: str, names: Sequence[str], free: set[str]) -> tuple[int, tuple[str, ...]]:
    if not names or not set(names) <= free or len(set(names)) != len(names):
        raise ValueError("a member is not defined above, or belongs to a group already")
    threshold = {"all": len(names), "any": 1}.get(count) or int(count)
    if not 1 <= threshold <= len(names):
        raise ValueError(f"{count} of {len(names)} can never be")
    return threshold, tuple(names)


def _witness(line: str) -> Witness:
    name, _, rest = line.partition("+")
    stated, _, encoded = rest.partition("+")
    raw = base64.b64decode(encoded, validate=True)
    witness = Witness(name=name, public_key=raw[1:], kind=raw[0])
    if KEY_BYTES.get(raw[0]) != len(raw) - 1 or witness.key_hash.hex() != stated:
        raise ValueError("it is not the verifier key of a witness")
    return witness


def cosigners(note: str, policy: Policy) -> set[str]:
    """Return the witnesses of the policy whose cosignatures on ``note`` hold."""
    text, _, lines = note.rpartition("\n\n")
    found = list(_signatures(lines))
    return {name for name, witness in policy.witnesses.items() if any(_holds(raw, text, witness) for raw in found)}


def _signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    for line in lines.split("\n"):
        name, _, encoded = line.removeprefix(SIGNATURE_LINE_PREFIX).rpartition(" ")
        try:
            yield name, base64.b64decode(encoded, validate=True)
        except ValueError:
            continue


def _holds(signature: tuple[str, bytes], text: str, witness: Witness) -> bool:
    name, raw = signature
    if (name, raw[:4]) != (witness.name, witness.key_hash):
        return False
    stamp, made = raw[4 : 4 + STAMP_BYTES], raw[4 + STAMP_BYTES :]
    try:
        if witness.kind == ED25519_TYPE:
            message = f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}\n".encode()
            Ed25519PublicKey.from_public_bytes(witness.public_key).verify(made, message)
        else:
            MLDSA44PublicKey.from_public_bytes(witness.public_key).verify(made, _subtree(stamp, text, witness.name))
    except (ValueError, InvalidSignature):
        return False
    return True


def _subtree(stamp: bytes, text: str, name: str) -> bytes:
    """Return the `cosigned_message` that an ML-DSA-44 cosigner signs."""
    tree = read_checkpoint(f"{text}\n")
    who, log = (bytes([len(raw)]) + raw for raw in (name.encode(), tree.origin.encode()))
    return b"subtree/v1\n\0" + who + stamp + log + bytes(8) + tree.size.to_bytes(8, "big") + tree.root


def first_lines(note: str) -> str:
    """Return the three lines of a checkpoint, which are the leaf that it has in the log that witnesses follow."""
    return "".join(f"{line}\n" for line in note.split("\n")[:3])
