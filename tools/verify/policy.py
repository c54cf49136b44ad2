"""Judge whether enough witnesses have seen a checkpoint, by a policy in the text format of C2SP tlog-policy."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tools.verify.note import PUBLIC_KEY_BYTES, SIGNATURE_LINE_PREFIX, Verifier, read_verifier_key

COSIGNATURE_TYPE = 4
STAMP_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness by its name and key."""

    name: str
    public_key: bytes

    @property
    def key_hash(self) -> bytes:
        """Return the 4 bytes by which a signature line names it (C2SP tlog-cosignature)."""
        return hashlib.sha256(self.name.encode() + b"\x0a" + bytes([COSIGNATURE_TYPE]) + self.public_key).digest()[:4]

    def verifier_key(self) -> str:
        """Return the text of its verifier key."""
        encoded = base64.b64encode(bytes([COSIGNATURE_TYPE]) + self.public_key).decode()
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
    witness = Witness(name=name, public_key=raw[1:])
    fits = len(raw) == 1 + PUBLIC_KEY_BYTES and raw[0] == COSIGNATURE_TYPE
    if not fits or witness.key_hash.hex() != stated:
        raise ValueError("it is not the verifier key of an Ed25519 witness")
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
    time = int.from_bytes(raw[4 : 4 + STAMP_BYTES], "big")
    message = f"cosignature/v1\ntime {time}\n{text}\n".encode()
    try:
        Ed25519PublicKey.from_public_bytes(witness.public_key).verify(raw[4 + STAMP_BYTES :], message)
    except (ValueError, InvalidSignature):
        return False
    return True


def first_lines(note: str) -> str:
    """Return the three lines of a checkpoint, which are the leaf that it has in the log that witnesses follow."""
    return "".join(f"{line}\n" for line in note.split("\n")[:3])
