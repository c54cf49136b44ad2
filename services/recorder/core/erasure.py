"""What the log says about an erasure: which records, why, and nothing about whom."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.recorder.core.custody import Tombstone
from services.recorder.core.envelope import MAX_ATTRIBUTE_CHARS, MAX_ATTRIBUTES, Draft
from services.recorder.core.notice import Topic, key, notice

KIND = "ERASURE"
BASIS = "legal_basis"
COUNT = "erased_count"
ERASED, UNRECORDED = "erased", "before_it_was_recorded"
"""The attribute of a record that lost its content before it came into the log: its person was erased earlier."""
REFERENCE = "erasure_id"
"""The attribute that says by which erasure."""
_CONTENT = ("payload", "body", "content_type", "subject", "recorded_at")
"""Fields of an envelope that content leaves a trace in, or that another write of the same record may draw anew."""
_PART = "part"
_RECORDS_PER_LEAF = MAX_ATTRIBUTES - 4
"""Attributes of one leaf that name records: the others say basis, count and part, and the envelope stays small."""


def ranges(indexes: Sequence[int]) -> Iterator[str]:
    """Yield ascending indexes as ``3`` or ``5-9``."""
    first = last = None
    for index in indexes:
        if first is not None and last is not None and index == last + 1:
            last = index
            continue
        if first is not None:
            yield _range(first, last)
        first = last = index
    if first is not None:
        yield _range(first, last)


def drafts(tenant: str, basis: str, identity: str, erased: Mapping[str, Sequence[int]]) -> Sequence[Draft]:
    """Return the erasure's records: one, or as many as it takes to name every index.

    Args:
        tenant: Whose log it is.
        basis: Legal basis.
        identity: What tells this erasure from every other.
        erased: Indexes by the log they are in.
    """
    lines = [line for origin, indexes in erased.items() for line in _lines(origin, indexes)]
    parts = [lines[at : at + _RECORDS_PER_LEAF] for at in range(0, len(lines), _RECORDS_PER_LEAF)]
    count = str(sum(map(len, erased.values())))
    return [
        notice(
            Topic.ERASURE,
            f"{identity}/{number}",
            tenant=tenant,
            kind=KIND,
            facts={
                BASIS: basis,
                COUNT: count,
                _PART: f"{number + 1}/{len(parts)}",
                **{f"records.{at:02d}": line for at, line in enumerate(part)},
            },
        )
        for number, part in enumerate(parts)
    ]


def names(attributes: Mapping[str, str], origin: str, index: int) -> bool:
    """Return whether a record of an erasure with these attributes can speak of the record ``index`` of ``origin``.

    An erasure of several records names each index in one of them; what the others say is not known here.
    """
    if BASIS not in attributes:
        return False
    lines = [text.partition(" ") for name, text in attributes.items() if name.startswith("records.")]
    named = any(_within(part, index) for log, _, parts in lines if log == origin for part in parts.split(","))
    return named or not attributes.get(_PART, "").endswith("/1")


def withheld(draft: Draft, tombstone: Tombstone) -> Draft:
    """Return ``draft`` as it may still be recorded: that it happened and what is public of it, of nobody."""
    reference = {REFERENCE: tombstone.reference} if tombstone.reference else {}
    attributes = {**draft.attributes, ERASED: UNRECORDED, **reference}
    return replace(draft, subject_id="", requester_id="", payload=b"", content_type="", attributes=attributes)


def same_but_for_content(given: bytes, recorded: bytes) -> bool:
    """Tell whether two envelopes say the same of one record, of which one lost its content on the way into the log."""
    said = [json.loads(envelope) for envelope in (given, recorded)]
    return any(ERASED in each["attributes"] for each in said) and _facts(said[0]) == _facts(said[1])


def _facts(envelope: Mapping[str, Any]) -> Mapping[str, object]:  # Any: JSON
    attributes = {name: value for name, value in envelope["attributes"].items() if name not in {ERASED, REFERENCE}}
    return {name: value for name, value in envelope.items() if name not in _CONTENT} | {"attributes": attributes}


def first_key(identity: str) -> str:
    """Return the idempotency key of an erasure's first record."""
    return key(Topic.ERASURE, f"{identity}/0")


def identity(request_id: str, tag: bytes) -> str:
    """Return what tells one call from every other, by its id and whom it is about; neither can be read from it."""
    return hashlib.sha256(tag + request_id.encode()).hexdigest()[:32]


def _lines(origin: str, indexes: Sequence[int]) -> Iterator[str]:
    """Yield the indexes of one log in texts that an attribute can hold, each with the log's name."""
    line = ""
    for part in ranges(indexes):
        longer = f"{line},{part}" if line else f"{origin} {part}"
        if len(longer) > MAX_ATTRIBUTE_CHARS:
            yield line
            longer = f"{origin} {part}"
        line = longer
    if line:
        yield line


def _within(part: str, index: int) -> bool:
    first, _, last = part.partition("-")
    return int(first) <= index <= int(last or first)


def _range(first: int, last: int | None) -> str:
    return str(first) if first == last else f"{first}-{last}"
