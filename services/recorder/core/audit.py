"""Re-derive a tree from the records it claims to hold, and say where it first disagrees."""

from collections.abc import Iterable

from services.recorder.core.merkle import Frontier, hash_leaf
from services.recorder.core.note import Checkpoint


class AuditError(Exception):
    """The stored records are not the ones the tree was built from; the message names the first bad index."""


def rederive(frontier: Frontier, records: Iterable[tuple[int, bytes, bytes]]) -> Frontier:
    """Return ``frontier`` grown by stored records (index, leaf, envelope).

    Raises:
        AuditError: an index is missing or doubled, or an envelope does not hash to its leaf.
    """
    leaves = list[bytes]()
    for expected, (index, leaf, envelope) in enumerate(records, start=frontier.size):
        if index != expected:
            raise AuditError(f"index {expected} is missing")
        if hash_leaf(envelope) != leaf:
            raise AuditError(f"index {index} was altered: its envelope does not hash to its leaf")
        leaves.append(leaf)
    return frontier.extend(leaves).frontier


def check_head(rederived: Frontier, head: Frontier) -> None:
    """Compare the re-derived tree with the one the writers extend.

    Raises:
        AuditError: they differ.
    """
    if rederived != head:
        raise AuditError(f"the records lead to another tree of {rederived.size} leaves than the head's {head.size}")


def check_signed(rederived: Frontier, last: Checkpoint) -> None:
    """Compare the re-derived tree with what was signed at its size: two roots for one size are never signed.

    Raises:
        AuditError: they differ.
    """
    if (rederived.size, rederived.root()) != (last.size, last.root):
        raise AuditError(f"the records up to index {last.size - 1} are not those of the checkpoint at size {last.size}")
