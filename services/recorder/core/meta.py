"""The meta-log: one log of the deployment whose leaves are the newest checkpoints of all its tenants' logs.

Witnesses follow this one log. It has the name under which the deployment's key is published, so that the published line
names it wherever a log is named by its key. A leaf is the text of a checkpoint, which tells of a tenant's log no more
than its name, size and root.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from services.recorder.core import note
from services.recorder.core.merkle import Frontier, Growth, hash_leaf
from services.recorder.core.note import Checkpoint
from services.recorder.core.succession import EVENT, FOLLOWS, KEY, KIND


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaEntry:
    """One entry of the meta-log."""

    key: str
    """What it is found by; each entry has its own."""
    content: bytes


def sighted(checkpoint: Checkpoint) -> MetaEntry:
    """Return the entry that a checkpoint of a tenant's log gets."""
    return MetaEntry(key=entry_key(checkpoint.origin, checkpoint.size), content=checkpoint.text().encode())


def entry_key(origin: str, size: int) -> str:
    """Return what the entry of a checkpoint is found by; the sizes of one log sort as numbers do."""
    return f"{origin} {size:020}"


def succeeded(origin: str, public_key: bytes, key: str) -> MetaEntry:
    """Return the entry that announces a signing key in the meta-log itself, as records do in the tenants' logs."""
    fields = {"attributes": {EVENT: FOLLOWS, KEY: note.verifier_key(origin, public_key)}, "kind": KIND}
    return MetaEntry(key=key, content=json.dumps(fields, separators=(",", ":"), sort_keys=True).encode())


def grow(head: Frontier, entries: Sequence[MetaEntry]) -> Growth:
    """Return the tree of the meta-log with more entries."""
    return head.extend(hash_leaf(entry.content) for entry in entries)
