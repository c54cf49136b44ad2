"""Judge a bundle: does this record stand in the log that this key signed?"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tools.verify.note import SignedTree, is_signed, read_checkpoint, read_keys
from tools.verify.path import climb
from tools.verify.witnessed import UnseenError, witnesses_of


class Fault(StrEnum):
    """The first thing that does not hold, in the order in which they are looked at."""

    KEY = "key"
    """The verifier key cannot be read."""
    BUNDLE = "bundle"
    """The bundle lacks a field, or one of them has the wrong form."""
    SIGNATURE = "signature"
    """The checkpoint is not signed by this key, or was changed after it was signed."""
    SIZE = "size"
    """The bundle names another tree size than the checkpoint, or an index outside of the tree."""
    LEAF = "leaf"
    """The envelope is not the one that was acknowledged."""
    PATH = "path"
    """The proof has not the number of hashes that this index and size need."""
    ROOT = "root"
    """The proof leads to another root than the signed one: the envelope, the index or a hash was changed."""
    PAYLOAD = "payload"
    """The content is not the one that the envelope commits to."""
    WITNESS = "witness"
    """Too few of the policy's witnesses have seen the checkpoint."""
    LABEL = "label"
    """The bundle says that it is of another log or decision than the signed ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The verdict; `fault` is None exactly when everything holds."""

    fault: Fault | None
    explanation: str
    origin: str = ""
    index: int = 0
    tree_size: int = 0

    @property
    def verified(self) -> bool:
        """Return whether everything holds."""
        return self.fault is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    envelope: bytes
    index: int
    tree_size: int
    hashes: Sequence[bytes]
    checkpoint: str
    leaf_hash: bytes | None
    payload: bytes | None
    commitment_nonce: bytes
    origin: str
    decision_id: str
    witnessed: Mapping[str, Any]


class _FaultError(Exception):
    def __init__(self, fault: Fault, explanation: str) -> None:
        super().__init__(explanation)
        self.fault, self.explanation = fault, explanation


def verify(bundle: Mapping[str, Any], vkey: str, policy: str | None = None) -> Result:
    """Return whether the record of ``bundle`` (see `tools.verify`) stands in a log signed by ``vkey``.

    With a ``policy`` (C2SP tlog-policy), its witnesses must also have seen the checkpoint.

    Never raises for what the bundle or key contain: whatever is wrong with them is the result's fault.
    """
    try:
        evidence = _read(bundle)
        tree = _check_signature(evidence, vkey)
        _check_size(evidence, tree)
        _checkclimb(evidence, tree, _check_leaf(evidence))
        _check_payload(evidence)
        seen = _check_witnesses(evidence, vkey, policy) if policy is not None else set[str]()
        _check_labels(evidence, tree)
    except _FaultError as error:
        return Result(fault=error.fault, explanation=error.explanation)
    return Result(
        fault=None,
        explanation=f"record {evidence.index} of {tree.origin} is in the tree of {tree.size} that the key signed"
        + (f", and seen by {', '.join(sorted(seen))}" if seen else ""),
        origin=tree.origin,
        index=evidence.index,
        tree_size=tree.size,
    )


def _read(bundle: Mapping[str, Any]) -> _Bundle:
    try:
        return _Bundle(
            envelope=_bytes(bundle["envelope"]),
            index=_count(bundle["index"]),
            tree_size=_count(bundle["tree_size"]),
            hashes=[_bytes(item) for item in bundle["hashes"]],
            checkpoint=str(bundle["checkpoint"]),
            leaf_hash=_bytes(bundle["leaf_hash"]) if bundle.get("leaf_hash") else None,
            payload=_bytes(bundle["payload"]) if bundle.get("payload") is not None else None,
            commitment_nonce=_bytes(bundle.get("commitment_nonce") or ""),
            origin=str(bundle.get("origin") or ""),
            decision_id=str(bundle.get("decision_id") or ""),
            witnessed=dict(bundle.get("witnessed") or {}),
        )
    except KeyError as error:
        raise _FaultError(Fault.BUNDLE, f"the bundle has no {error.args[0]}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _FaultError(Fault.BUNDLE, f"the bundle is malformed: {error}") from error


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _count(value: int | str) -> int:
    """Read a number; JSON made from protobuf writes 64-bit numbers as text."""
    if isinstance(value, bool) or int(value) < 0:
        raise ValueError("index and tree_size are numbers from 0")
    return int(value)


def _check_signature(evidence: _Bundle, vkey: str) -> SignedTree:
    try:
        keys = read_keys(vkey)
    except ValueError as error:
        raise _FaultError(Fault.KEY, f"the verifier key cannot be read: {error}") from error
    try:
        tree = read_checkpoint(evidence.checkpoint)
    except ValueError as error:
        raise _FaultError(Fault.BUNDLE, f"the checkpoint cannot be read: {error}") from error
    if not any(is_signed(evidence.checkpoint, key) for key in keys):
        names = ", ".join(sorted({key.name for key in keys}))
        explanation = f"the checkpoint of {tree.origin} at size {tree.size} is not signed by the key {names}"
        raise _FaultError(Fault.SIGNATURE, explanation)
    return tree


def _check_size(evidence: _Bundle, tree: SignedTree) -> None:
    if evidence.tree_size != tree.size:
        explanation = f"the bundle speaks of {evidence.tree_size} leaves, the checkpoint of {tree.size}"
        raise _FaultError(Fault.SIZE, explanation)
    if evidence.index >= tree.size:
        raise _FaultError(Fault.SIZE, f"index {evidence.index} is outside of a tree of {tree.size} leaves")


def _check_leaf(evidence: _Bundle) -> bytes:
    leaf = hashlib.sha256(b"\x00" + evidence.envelope).digest()
    if evidence.leaf_hash not in {None, leaf}:
        raise _FaultError(Fault.LEAF, "the envelope does not hash to the leaf that was acknowledged")
    return leaf


def _checkclimb(evidence: _Bundle, tree: SignedTree, leaf: bytes) -> None:
    root = climb(leaf, evidence.index, tree.size, evidence.hashes)
    if root is None:
        raise _FaultError(Fault.PATH, f"{len(evidence.hashes)} hashes do not lead from the leaf to a root")
    if root != tree.root:
        raise _FaultError(Fault.ROOT, "the proof leads to another root than the signed one")


def _check_payload(evidence: _Bundle) -> None:
    if evidence.payload is None:
        return
    try:
        stated = json.loads(evidence.envelope)["payload"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _FaultError(Fault.PAYLOAD, "the envelope holds no commitment to a payload") from error
    if hashlib.sha256(evidence.commitment_nonce + evidence.payload).hexdigest() != stated:
        raise _FaultError(Fault.PAYLOAD, "the payload is not the one that the envelope commits to")


def _check_witnesses(evidence: _Bundle, vkey: str, policy: str) -> set[str]:
    try:
        return witnesses_of(evidence.checkpoint, evidence.witnessed, vkey, policy)
    except ValueError as error:
        raise _FaultError(Fault.KEY, str(error)) from error
    except UnseenError as error:
        raise _FaultError(Fault.WITNESS, str(error)) from error


def _check_labels(evidence: _Bundle, tree: SignedTree) -> None:
    """Nobody signed what the bundle calls itself; where it does, it must be what was signed."""
    if evidence.origin not in {"", tree.origin}:
        raise _FaultError(
            Fault.LABEL, f"the bundle calls itself of {evidence.origin}, the checkpoint is of {tree.origin}"
        )
    if evidence.decision_id and evidence.decision_id != _decision(evidence.envelope):
        raise _FaultError(Fault.LABEL, f"the signed record is not of decision {evidence.decision_id}")


def _decision(envelope: bytes) -> str:
    try:
        return str(json.loads(envelope)["decision"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
