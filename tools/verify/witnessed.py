"""Whether enough witnesses have seen a checkpoint: they follow a log whose leaves are the deployment's checkpoints."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from tools.verify.note import is_signed, read_checkpoint, read_keys
from tools.verify.path import climb
from tools.verify.policy import cosigners, first_lines, read_policy


class UnseenError(Exception):
    """Too few of the policy's witnesses have seen the checkpoint, or nothing shows that they have."""


def witnesses_of(checkpoint: str, witnessed: Mapping[str, Any], vkey: str, policy_text: str) -> set[str]:
    """Return the witnesses that have seen ``checkpoint``: who cosigned it, or the log that witnesses follow.

    Args:
        checkpoint: The signed note.
        witnessed: Its place in the tree that witnesses follow: ``index``, ``hashes`` in base64, ``checkpoint``.
        vkey: The verifier key file of the deployment.
        policy_text: Who must have seen it (C2SP tlog-policy).

    Raises:
        ValueError: key file or policy cannot be read.
        UnseenError: it is not shown that enough of them have.
    """
    policy, keys = read_policy(policy_text), read_keys(vkey)
    seen = cosigners(checkpoint, policy)
    if not policy.met(seen):
        note = _followed(checkpoint, witnessed)
        # Up to which size a former key signed this log its witnesses know: they took nothing else from that key.
        if not any(is_signed(note, key.unbounded()) for key in policy.logs or keys):
            raise UnseenError("what witnesses have seen is not signed by the log that they follow")
        seen |= cosigners(note, policy)
    if not policy.met(seen):
        names = ", ".join(sorted(seen)) or "none"
        raise UnseenError(f"of the policy's witnesses {names} cosigned, which is not enough")
    return seen


def _followed(checkpoint: str, witnessed: Mapping[str, Any]) -> str:
    """Return the checkpoint of the log that witnesses follow, if ``checkpoint`` is in its tree."""
    try:
        note, index = str(witnessed["checkpoint"]), int(witnessed["index"])
        hashes = [base64.b64decode(item, validate=True) for item in witnessed["hashes"]]
        tree = read_checkpoint(note)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UnseenError("nothing says what witnesses have seen") from error
    leaf = hashlib.sha256(b"\x00" + first_lines(checkpoint).encode()).digest()
    if not 0 <= index < tree.size or climb(leaf, index, tree.size, hashes) != tree.root:
        raise UnseenError(f"the checkpoint is not in the tree of {tree.size} that witnesses have seen")
    return note
