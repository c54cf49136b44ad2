"""The envelope: what a leaf of the log is made from. Small, canonical (RFC 8785) and free of personal data.

The payload stays outside. The envelope holds a commitment to it, SHA-256(salt || payload), which proves the payload to
whoever has both and tells nothing to whoever has neither: a plain hash of a guessable text would give it away.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.chassis.errors import CallerError, invalid

VERSION = 3
"""2 added ``intent``, 3 ``producer``; a retry of a record is compared in the version that the record has."""
WITH_INTENT, WITH_PRODUCER = 2, 3
SALT_BYTES = 32
MAX_ENVELOPE_BYTES = 4096
MAX_PAYLOAD_BYTES = 1 << 20
"""1 MiB, the cap of a context (spec C10), below the 4 MiB of a message."""
MAX_KEY_CHARS = 200
MAX_ID_CHARS = 128
MAX_PERSON_CHARS = 256
"""As long as the subject of a token may be at the edge."""
MAX_CONTENT_TYPE_CHARS = 128
MAX_ATTRIBUTES = 20
MAX_ATTRIBUTE_CHARS = 200
MAX_FILTERS = 5

# RFC 8785 for what an envelope has: texts, a small whole number, and ASCII names, which sort alike in every encoding.
encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
"""Write a value as it stands in an envelope."""

_FOLLOWING = frozenset({"ATTEMPT", "OUTCOME"})
_PRINTABLE = re.compile(r"[!-~]*")
_MEDIA_TYPE = re.compile(r"[!-~][ -~]*")
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A piece of evidence as its producer hands it in."""

    tenant: str
    idempotency_key: str
    kind: str
    """What happened: the name of a record kind, e.g. ``DECISION``."""
    decision_id: str
    subject_id: str
    """The person it is about, who may ask for its erasure; empty for none."""
    requester_id: str = ""
    """Who asked, whose content it is too; empty for nobody."""
    payload: bytes
    content_type: str
    attributes: Mapping[str, str]
    """What records are found by; never personal data."""
    intent: str = ""
    """For an attempt or outcome: idempotency key of its intent."""
    occurred_at: datetime | None = None
    """None means the moment it is recorded, on a retry the moment of the first write."""
    stream: str = ""
    """The stream that it goes into where its kind does not tell: for what the recorder itself has to say in each."""
    producer: str = ""
    """SPIFFE id of the service that hands it in; empty for the recorder itself. A retry takes over the first one."""

    @property
    def persons(self) -> tuple[str, ...]:
        """Return everybody whose content it has, the person it is about first."""
        return tuple(dict.fromkeys(person for person in (self.subject_id, self.requester_id) if person))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the first write of a record adds, and every retry of it takes over."""

    recorded_at: datetime
    salt: bytes
    """32 random bytes that hide the payload behind its commitment."""
    body_digest: bytes
    """SHA-256 of the stored, sealed body."""


def check(draft: Draft) -> Draft:
    """Return ``draft`` if every field keeps its limits.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED, with the field.
    """
    _check_text("idempotency_key", draft.idempotency_key, MAX_KEY_CHARS, _PRINTABLE, required=True)
    check_decision_id(draft.decision_id)
    _check_text("intent_key", draft.intent, MAX_KEY_CHARS, _PRINTABLE)
    if draft.intent and draft.kind not in _FOLLOWING:
        raise _malformed("intent_key", "must be empty but for attempts and outcomes")
    _check_text("content_type", draft.content_type, MAX_CONTENT_TYPE_CHARS, _MEDIA_TYPE, required=bool(draft.payload))
    check_person("subject_id", draft.subject_id)
    check_person("requester_id", draft.requester_id)
    _check_length("payload", len(draft.payload), MAX_PAYLOAD_BYTES)
    _check_length("attributes", len(draft.attributes), MAX_ATTRIBUTES)
    for name, value in draft.attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise _malformed("attributes", "has a name that is not lower case letters, digits, '_', '.' or '-'")
        _check_length(f"attributes.{name}", len(value), MAX_ATTRIBUTE_CHARS)
    return draft


def check_filter(attributes: Mapping[str, str]) -> None:
    """Return if records can be looked for by these attributes.

    Raises:
        CallerError: FIELD_TOO_LONG, FIELD_MALFORMED.
    """
    _check_length("attributes", len(attributes), MAX_FILTERS)
    for name, value in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name) or "\0" in value:
            raise _malformed("attributes", "has a name or value that no attribute can have")
        _check_length(f"attributes.{name}", len(value), MAX_ATTRIBUTE_CHARS)


def check_decision_id(decision_id: str) -> str:
    """Return the id of a decision if a record can have it; empty means none.

    Raises:
        CallerError: FIELD_TOO_LONG, FIELD_MALFORMED.
    """
    _check_text("decision_id", decision_id, MAX_ID_CHARS, _PRINTABLE)
    return decision_id


def check_person(field: str, person: str) -> None:
    """Return if this can be the id of a person; empty means nobody.

    Raises:
        CallerError: FIELD_TOO_LONG, FIELD_MALFORMED.
    """
    _check_length(field, len(person), MAX_PERSON_CHARS)
    if not person.isprintable():
        raise _malformed(field, "must have no control characters")


def commitment(salt: bytes, plaintext: bytes) -> bytes:
    """Return the hiding commitment SHA-256(salt || plaintext)."""
    return hashlib.sha256(salt + plaintext).digest()


def write(draft: Draft, stamp: Stamp, version: int = VERSION) -> bytes:
    """Return the canonical bytes whose hash is the leaf.

    Raises:
        CallerError: FIELD_TOO_LONG, the attributes make it larger than 4 KiB.
    """
    recorded_at = _instant(stamp.recorded_at)
    envelope = _canonical(
        {
            "v": version,
            **({"intent": draft.intent} if version >= WITH_INTENT else {}),
            **({"producer": draft.producer} if version >= WITH_PRODUCER else {}),
            "tenant": draft.tenant,
            "key": draft.idempotency_key,
            "kind": draft.kind,
            "decision": draft.decision_id,
            "subject": commitment(stamp.salt, draft.subject_id.encode()).hex() if draft.subject_id else "",
            "attributes": dict(draft.attributes),
            "content_type": draft.content_type,
            "payload": commitment(stamp.salt, draft.payload).hex(),
            "body": stamp.body_digest.hex(),
            "occurred_at": _instant(draft.occurred_at) if draft.occurred_at else recorded_at,
            "recorded_at": recorded_at,
        }
    )
    if len(envelope) >= MAX_ENVELOPE_BYTES:
        raise _too_long("attributes", MAX_ENVELOPE_BYTES, len(envelope))
    return envelope


def restate(draft: Draft, stored: bytes, salt: bytes | None) -> bytes:
    """Return the envelope that ``draft`` would have had if it had been the first write of its key.

    It equals ``stored`` exactly when the request repeats that write, whatever time and salt the write drew. Without a
    salt, which perished with the body, the commitments are taken as they stand: all else must still be the same.
    """
    fields = json.loads(stored)
    recorded_at = datetime.fromisoformat(fields["recorded_at"])
    stamp = Stamp(recorded_at=recorded_at, salt=salt or b"", body_digest=bytes.fromhex(fields["body"]))
    given = write(replace(draft, producer=fields.get("producer", "")), stamp, fields["v"])
    if salt is not None:
        return given
    return _canonical(json.loads(given) | {"payload": fields["payload"], "subject": fields["subject"]})


def attributes(envelope: bytes) -> Mapping[str, str]:
    """Return the attributes that an envelope holds."""
    return {str(name): str(value) for name, value in json.loads(envelope)["attributes"].items()}


def check_erasure(subject_id: str, basis: str, reference: str) -> None:
    """Return if all can be part of an erasure.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED, with the field.
    """
    _check_text("reference", reference, MAX_ID_CHARS, _PRINTABLE)
    for field, text, limit in (
        ("subject_id", subject_id, MAX_PERSON_CHARS),
        ("legal_basis", basis, MAX_ATTRIBUTE_CHARS),
    ):
        if not text.strip():
            raise invalid(field, "must be given", reason="FIELD_REQUIRED")
        _check_length(field, len(text), limit)
        if not text.isprintable():
            raise _malformed(field, "must have no control characters")


def _canonical(fields: Mapping[str, object]) -> bytes:
    return encode(fields).encode()


def _instant(at: datetime) -> str:
    """Write an aware time as UTC with microseconds, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _check_text(field: str, text: str, limit: int, form: re.Pattern[str], *, required: bool = False) -> None:
    if required and not text:
        raise invalid(field, "must be given", reason="FIELD_REQUIRED")
    _check_length(field, len(text), limit)
    if text and not form.fullmatch(text):
        raise _malformed(field, "must be printable ASCII without spaces around it")


def _check_length(field: str, actual: int, limit: int) -> None:
    if actual > limit:
        raise _too_long(field, limit, actual)


def _malformed(field: str, problem: str) -> CallerError:
    return invalid(field, problem, reason="FIELD_MALFORMED")


def _too_long(field: str, limit: int, actual: int) -> CallerError:
    error = invalid(field, f"must not be longer than {limit}, but is {actual}", reason="FIELD_TOO_LONG")
    metadata = {**error.metadata, "limit": str(limit), "actual": str(actual)}
    return CallerError(error.kind, error.reason, error.message, metadata=metadata, violations=error.violations)
