"""What is left of a record's body must be what its envelope says, or must be gone for a reason that is on record."""

import json
from dataclasses import dataclass

from services.recorder.core.audit import AuditError
from services.recorder.core.envelope import attributes
from services.recorder.core.erasure import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is stored of one body."""

    index: int
    digest: bytes | None
    """SHA-256 of the sealed body; None where there is none."""
    emptied: bool
    """Whether it was erased as bodies were before each had a data key."""
    keyed: bool
    """Whether it names a data key."""
    known: bool
    """Whether that key is, or was, there: a backup may have come back without it."""
    destroyed: bool
    erasure: bytes | None
    """Envelope of the record that says why the key was destroyed."""


def check_remains(remains: Remains, envelope: bytes, origin: str) -> None:
    """Compare what is left of a body with the envelope of its record, whose hash is right.

    Raises:
        AuditError: the body is missing, was altered, or its key was destroyed without a record that says so.
    """
    if remains.digest is None:
        raise AuditError(remains.index, "its body is missing")
    if remains.emptied and not remains.keyed:
        return
    if remains.digest.hex() != _digest(remains.index, envelope):
        raise AuditError(remains.index, "its body was altered")
    if remains.destroyed and not (remains.erasure and names(attributes(remains.erasure), origin, remains.index)):
        raise AuditError(remains.index, "the key of its body was destroyed, and no record of an erasure says why")


def _digest(index: int, envelope: bytes) -> str:
    try:
        return str(json.loads(envelope)["body"])
    except (ValueError, KeyError, TypeError) as error:
        raise AuditError(index, "its envelope is none that the recorder writes") from error
