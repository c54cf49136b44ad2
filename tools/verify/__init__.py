"""Verify evidence offline with nothing but the public key.

This package shares no code with the recorder or the mesh: the standard library, `cryptography` and its own eyes.
Whoever audits the recorder must not have to trust the recorder's code.

A bundle is one JSON object; byte strings are in standard base64:

    {
      "envelope":         the logged record, exactly as it was hashed
      "index":            its place in the log, from 0
      "tree_size":        the number of leaves that the checkpoint covers
      "hashes":           the inclusion proof, from leaf to root, a list
      "checkpoint":       the signed note, as text
      "leaf_hash":        optional: what the recorder acknowledged
      "payload":          optional: the content; checked against the envelope's commitment
      "commitment_nonce": the 32 random bytes of that commitment; needed with "payload"
      "witnessed":        optional: checkpoint (cosigned), index and hashes in the log that witnesses follow
    }

These are the fields of the reply of RecorderService.GetInclusionProof, laid flat.
"""

from tools.verify.bundle import Fault, Result, verify

__all__ = ["Fault", "Result", "verify"]
