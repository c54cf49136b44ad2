"""Re-derive a tree from the records it claims to hold, and say where it first disagrees."""

from collections.abc import Iterable, Sequence

from services.recorder.core.merkle import Frontier, hash_leaves
from services.recorder.core.note import Checkpoint


class AuditError(Exception):
    """The stored records are not the ones the tree was built from."""

    def __init__(self, first_bad: int, problem: str) -> None:
        super().__init__(f"index {first_bad}: {problem}")
        self.first_bad, self.problem = first_bad, problem
        """The first index at which something is wrong, as exactly as what is left can tell, and what it is."""


Record = tuple[int, bytes, bytes]
"""Index, leaf and envelope, as they are stored."""


def rederive(frontier: Frontier, records: Iterable[Record], stop: int) -> Frontier:
    """Return ``frontier`` grown by the stored records up to before index ``stop``.

    Raises:
        AuditError: an index is missing or doubled, or an envelope does not hash to its leaf.
    """
    leaves = [leaf for _, leaf, _ in checked(frontier.size, records, stop)]
    return frontier.extend(leaves).frontier


def checked(start: int, records: Iterable[Record], stop: int) -> Sequence[Record]:
    """Return the records of the indexes from ``start`` to before ``stop``, each of which hashes to its leaf.

    Raises:
        AuditError: an index is missing or doubled, or an envelope does not hash to its leaf.
    """
    found = list(records)
    hashes = hash_leaves(envelope for _, _, envelope in found)
    if hashes != [leaf for _, leaf, _ in found] or [index for index, _, _ in found] != list(range(start, stop)):
        raise _first_bad(range(start, stop), found, hashes)
    return found


def _first_bad(wanted: range, records: Sequence[Record], hashes: Sequence[bytes]) -> AuditError:
    for expected, (index, leaf, _), hash_ in zip(wanted, records, hashes, strict=False):
        if index != expected:
            return AuditError(expected, "is missing")
        if hash_ != leaf:
            return AuditError(index, "was altered: its envelope does not hash to its leaf")
    return AuditError(min(wanted.start + len(records), wanted.stop), "is missing")


def check_head(rederived: Frontier, head: Frontier) -> None:
    """Compare the re-derived tree with the one the writers extend.

    Raises:
        AuditError: they differ.
    """
    if rederived.size != head.size:
        raise AuditError(min(rederived.size, head.size), f"the head ends at {head.size}, the records elsewhere")
    left = 0
    for level, mine, stored in zip(_levels(head.size), rederived.peaks, head.peaks, strict=True):
        if mine != stored:
            raise AuditError(left, "from here on the head is of another tree than the records")
        left += 1 << level


def check_root(rederived: Frontier, root: bytes, *, since: int, of: str) -> None:
    """Compare the root of the re-derived tree with another one of its size.

    Args:
        rederived: What the records say.
        root: What is said elsewhere.
        since: The size up to which both were the same.
        of: Where that is, for the message.

    Raises:
        AuditError: they differ.
    """
    if rederived.root() != root:
        raise AuditError(since, f"some record from here to {rederived.size - 1} is not the one of {of}")


def check_signed(rederived: Frontier, signed: Checkpoint, *, since: int) -> None:
    """Compare the re-derived tree with what was signed at its size: two roots for one size are never signed.

    Raises:
        AuditError: they differ.
    """
    check_root(rederived, signed.root, since=since, of=f"the checkpoint at size {signed.size}")


def _levels(size: int) -> list[int]:
    """Return the levels of a tree's full subtrees, the largest first."""
    return [level for level in reversed(range(size.bit_length())) if size >> level & 1]
