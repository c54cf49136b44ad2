"""How a reply of GetInclusionProof becomes the bundle that the offline verifier reads."""

import base64
from typing import Any

from magistrate.recorder.v1 import recorder_pb2 as pb


def bundle_of(reply: pb.GetInclusionProofResponse) -> dict[str, Any]:
    """Lay the fields of the reply flat; content that was erased is left out."""
    content = {
        "payload": _text(reply.record.payload),
        "commitment_nonce": _text(reply.record.commitment_nonce),
    }
    return {
        "envelope": _text(reply.record.envelope),
        "index": reply.position.index,
        "tree_size": reply.tree_size,
        "hashes": [_text(item) for item in reply.hashes],
        "checkpoint": reply.checkpoint,
        "leaf_hash": _text(reply.position.leaf_hash),
        **(content if reply.record.commitment_nonce else {}),
        **({"witnessed": _witnessed(reply.witnessed)} if reply.HasField("witnessed") else {}),
    }


def _witnessed(seen: pb.Witnessed) -> dict[str, Any]:
    return {"checkpoint": seen.checkpoint, "index": seen.index, "hashes": [_text(item) for item in seen.hashes]}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
