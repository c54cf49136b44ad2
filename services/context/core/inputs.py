"""The limits of what callers may send; each breach is one typed error that names the field."""

import re
from collections.abc import Collection, Mapping, Sequence

from services.chassis.errors import CallerError, Kind, Violation, invalid
from services.context.core.values import Document

DEFAULT_PACK = "default"
"""Pack that is used where none is named."""
MAX_QUERY = 5000
MAX_DOCUMENTS = 200
MAX_DOCUMENT_TEXT = 1_000_000
MAX_DOCUMENT_ID = 200
MAX_LABEL = 1000
"""Characters of a title or source."""
MAX_METADATA = 20
MAX_METADATA_TEXT = 500
MAX_TEXTS = 256
"""Texts in one call of Embed."""
MAX_TEXT = 10_000
"""Characters of one text to embed."""
_PACK_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_LINE_CONTROL = re.compile("[\x00-\x1f\x7f]")


def is_pack_id(value: str) -> bool:
    """Tell whether ``value`` is 1 to 63 lowercase letters, digits and inner dashes."""
    return bool(_PACK_ID.fullmatch(value))


def pack_id(value: str) -> str:
    """Return a well-formed pack id."""
    if not value:
        raise invalid("pack_id", "must be set", reason="FIELD_REQUIRED")
    if not is_pack_id(value):
        problem = "must be 1 to 63 lowercase letters, digits and dashes, with no dash at either end"
        raise invalid("pack_id", problem, reason="FIELD_MALFORMED")
    return value


def text(value: str, *, field: str, limit: int) -> str:
    """Return a text of 1 to ``limit`` characters that is not blank and has no control characters but white space."""
    if not value.strip():
        raise invalid(field, "must not be empty", reason="FIELD_REQUIRED")
    _check_length(value, field, limit)
    if _CONTROL.search(value):
        raise invalid(field, "must not have control characters", reason="TEXT_REJECTED")
    return value


def label(value: str, *, field: str, limit: int = MAX_LABEL) -> str:
    """Return one line of at most ``limit`` characters; it may be empty."""
    _check_length(value, field, limit)
    if _LINE_CONTROL.search(value):
        raise invalid(field, "must be one line without control characters", reason="TEXT_REJECTED")
    return value


def number(value: int, *, field: str, default: int, most: int) -> int:
    """Return ``value`` where it is 1 to ``most``, and ``default`` where it is 0."""
    if not 0 <= value <= most:
        raise invalid(field, f"must be 1 to {most}, or 0 for the default {default}", value=value)
    return value or default


def share(value: float | None, *, field: str, default: float) -> float:
    """Return ``value`` where it is a number from 0 to 1, and ``default`` where it is absent."""
    if value is None:
        return default
    if not 0.0 <= value <= 1.0:
        raise invalid(field, "must be 0 to 1", value=value)
    return value


def texts(values: Sequence[str]) -> Sequence[str]:
    """Return 1 to 256 texts to embed, each checked like a document's text."""
    _check_count(values, "texts", MAX_TEXTS)
    for index, value in enumerate(values):
        text(value, field=f"texts[{index}]", limit=MAX_TEXT)
    return values


def documents(values: Sequence[Document]) -> Sequence[Document]:
    """Return 1 to 200 documents, each within its limits, no two with the same id."""
    _check_count(values, "documents", MAX_DOCUMENTS)
    seen: set[str] = set()
    for index, document in enumerate(values):
        _check_document(document, f"documents[{index}]")
        if document.document_id in seen:
            raise _twice(f"documents[{index}].document_id", document.document_id)
        seen.add(document.document_id)
    return values


def _check_document(document: Document, field: str) -> None:
    label(document.document_id, field=f"{field}.document_id", limit=MAX_DOCUMENT_ID)
    if not document.document_id.strip():
        raise invalid(f"{field}.document_id", "must be set", reason="FIELD_REQUIRED")
    label(document.title, field=f"{field}.title")
    label(document.source, field=f"{field}.source")
    text(document.text, field=f"{field}.text", limit=MAX_DOCUMENT_TEXT)
    _check_metadata(document.metadata, f"{field}.metadata")


def _check_metadata(metadata: Mapping[str, str], field: str) -> None:
    if len(metadata) > MAX_METADATA:
        raise _too_long(field, MAX_METADATA, len(metadata), "entries")
    for key, value in metadata.items():
        label(key, field=field, limit=MAX_METADATA_TEXT)
        label(value, field=field, limit=MAX_METADATA_TEXT)


def _check_count(values: Collection[object], field: str, limit: int) -> None:
    if not values:
        raise invalid(field, "must have at least one entry", reason="FIELD_REQUIRED")
    if len(values) > limit:
        raise _too_long(field, limit, len(values), "entries")


def _check_length(value: str, field: str, limit: int) -> None:
    if len(value) > limit:
        raise _too_long(field, limit, len(value), "characters")


def _too_long(field: str, limit: int, actual: int, unit: str) -> CallerError:
    problem = f"must have at most {limit} {unit}, not {actual}"
    return CallerError(
        Kind.INVALID,
        "FIELD_TOO_LONG",
        f"{field} {problem}",
        metadata={"field": field, "limit": str(limit), "actual": str(actual)},
        violations=(Violation(field=field, problem=problem),),
    )


def _twice(field: str, value: str) -> CallerError:
    return invalid(field, "is given twice", reason="DUPLICATE_ENTRY", value=value)
