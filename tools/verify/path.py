"""The way from a leaf to the root of its tree."""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def climb(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes | None:
    """Climb from the leaf to the root (RFC 9162 section 2.1.3.2); None where the proof is too long or too short."""
    node, last, current = index, size - 1, leaf
    for sibling in hashes:
        if last == 0 or len(sibling) != HASH_BYTES:
            return None
        if node % 2 == 1 or node == last:
            current = hashlib.sha256(b"\x01" + sibling + current).digest()
            while node % 2 == 0 and node != 0:
                node, last = node // 2, last // 2
        else:
            current = hashlib.sha256(b"\x01" + current + sibling).digest()
        node, last = node // 2, last // 2
    return current if last == 0 else None
