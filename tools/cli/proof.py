"""Proofs of evidence: fetched from the stack, judged offline by code that the recorder has no part in."""

import base64
import json
from typing import Any

import grpc
from rich.text import Text

from magistrate.engine.v1.engine_pb2 import Decision
from magistrate.recorder.v1.recorder_pb2 import GetInclusionProofRequest, GetInclusionProofResponse, Witnessed
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.cli.connection import explained
from tools.up.folder import Folder
from tools.verify.bundle import Result, verify

Bundle = dict[str, Any]
"""All that is needed to check one record offline, ready for JSON; see `tools.verify`."""
_LIMIT_S = 10.0


def fetch(decision_id: str, channel: grpc.Channel) -> Bundle:
    """Return the evidence of a decision with its proof."""
    reply = RecorderServiceStub(channel).GetInclusionProof(
        GetInclusionProofRequest(decision_id=decision_id), timeout=_LIMIT_S
    )
    return bundle_of(reply)


def checked(decision: Decision, channel: grpc.Channel, folder: Folder) -> Text:
    """Return what the offline check of a decision's evidence found, in a word and its reason."""
    try:
        bundle = fetch(decision.decision_id, channel)
    except grpc.RpcError as error:
        return Text(f"not checked: {explained(error).problem}", style="yellow")
    bundle["leaf_hash"] = _text(decision.evidence.leaf_hash)
    policy = folder.policy.read_text() if folder.policy.is_file() else None
    return verdict(verify(bundle, folder.verifier_key.read_text(), policy))


def subject(bundle: Bundle) -> str:
    """Return the decision that the signed envelope of a bundle names; empty when it names none.

    The bundle's own ``decision_id`` is a label that nobody signed.
    """
    try:
        return str(json.loads(base64.b64decode(bundle["envelope"]))["decision"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""


def verdict(result: Result) -> Text:
    """Return the result of a check in its colour."""
    if result.verified:
        return Text.assemble(("verified", "bold green"), f" ({result.explanation})")
    return Text.assemble((f"NOT verified: {result.fault}", "bold red"), f" ({result.explanation})")


def bundle_of(reply: GetInclusionProofResponse) -> Bundle:
    """Return a proof as the offline check reads it."""
    record = reply.record
    bundle: Bundle = {
        "decision_id": record.decision_id,
        "origin": reply.position.origin,
        "index": reply.position.index,
        "leaf_hash": _text(reply.position.leaf_hash),
        "tree_size": reply.tree_size,
        "hashes": [_text(item) for item in reply.hashes],
        "checkpoint": reply.checkpoint,
        "envelope": _text(record.envelope),
    }
    if reply.HasField("witnessed"):
        bundle["witnessed"] = _witnessed(reply.witnessed)
    if record.payload:
        bundle |= {"payload": _text(record.payload), "commitment_nonce": _text(record.commitment_nonce)}
    return bundle


def _witnessed(seen: Witnessed) -> dict[str, Any]:
    return {"checkpoint": seen.checkpoint, "index": seen.index, "hashes": [_text(item) for item in seen.hashes]}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
