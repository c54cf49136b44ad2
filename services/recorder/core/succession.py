"""How one signing key follows another: a record in each open log names the new key while the old one still signs.

From the checkpoint on that covers that record the new key signs too, so whoever knows the old key learns of the new one
from a tree that the old one signed. Producers cannot write such records: their kind is the recorder's own.
"""

import hashlib
import json
from collections.abc import Collection

from services.recorder.core import note
from services.recorder.core.envelope import Draft
from services.recorder.core.note import NoteError
from services.recorder.core.notice import Topic, key, notice

KIND = "KEY"
EVENT, KEY = "event", "verifier_key"
FOLLOWS = "signing_key_follows"
_MARK = b'"kind":"KEY"'
"""What the canonical envelope of such a record holds, and few others: a cheap first look."""


def announcement_key(public_key: bytes, origin: str) -> str:
    """Return the idempotency key of the record that announces a key in a log."""
    return key(Topic.SIGNING_KEY, _name(public_key, origin))


def announcement(tenant: str, origin: str, stream: str, public_key: bytes) -> Draft:
    """Return the record that announces a key; each log gets one for each key."""
    facts = {EVENT: FOLLOWS, KEY: note.verifier_key(origin, public_key)}
    name = _name(public_key, origin)
    return notice(Topic.SIGNING_KEY, name, tenant=tenant, kind=KIND, facts=facts, stream=stream)


def announced(envelope: bytes) -> bytes | None:
    """Return the public key that a record announces; None where it announces none."""
    if _MARK not in envelope:
        return None
    try:
        fields = json.loads(envelope)
        if fields["kind"] != KIND or fields["attributes"][EVENT] != FOLLOWS:
            return None
        return note.public_key_of(fields["attributes"][KEY])
    except (ValueError, KeyError, TypeError, NoteError):
        return None


def may_sign(newest: bytes, present: Collection[bytes], signed_by: Collection[bytes], *, covered: bool) -> list[bytes]:
    """Return which keys sign the next checkpoint of a log; none where one that must is not at hand.

    Args:
        newest: The newest key there is.
        present: Every key at hand.
        signed_by: The keys that signed the last checkpoint; empty where there is none yet.
        covered: Whether the next checkpoint covers the announcement of the newest key.
    """
    former = [key for key in present if key in signed_by]
    if signed_by and newest not in signed_by and not covered:
        return former
    follows = not signed_by or newest in signed_by or bool(former)
    return list(present) if newest in present and follows else []


def must_sign(announced_at: int | None, newest: bytes, size: int) -> bytes | None:
    """Return the key that a checkpoint of ``size`` leaves must be signed by, given where the newest was announced."""
    return newest if announced_at is not None and announced_at < size else None


def _name(public_key: bytes, origin: str) -> str:
    return f"{hashlib.sha256(public_key).hexdigest()[:16]}/{origin}"
