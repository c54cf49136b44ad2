"""Take credentials out of what is about to be recorded: no erasure reaches the log itself, and keys outlive trust."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.chassis.credentials import REDACTED, names_one, redact
from services.recorder.core.envelope import Draft


def cleaned(draft: Draft) -> Draft:
    """Return ``draft`` without what has the shape of a credential; the same draft is always cleaned alike.

    Payloads of text and JSON are searched, JSON in all its depth; any other form its producer has to clean.
    """
    attributes, payload = _attributes(draft.attributes), _payload(draft.payload, draft.content_type)
    if attributes == draft.attributes and payload is draft.payload:
        return draft
    return replace(draft, attributes=attributes, payload=payload)


def _attributes(attributes: Mapping[str, str]) -> Mapping[str, str]:
    return {name: REDACTED if names_one(name) else redact(value) for name, value in attributes.items()}


def _payload(payload: bytes, content_type: str) -> bytes:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _json(payload)
    return _text(payload) if kind.startswith("text/") else payload


def _json(payload: bytes) -> bytes:
    """Clean JSON; what cannot be read as JSON is cleaned as the text that it is."""
    try:
        given = json.loads(payload)
        found = _value(given)
    except (ValueError, RecursionError):
        return _text(payload)
    return payload if found == given else json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def _text(payload: bytes) -> bytes:
    """Clean text; bytes that are no UTF-8 stay as they are."""
    given = payload.decode(errors="surrogateescape")
    found = redact(given)
    return payload if found == given else found.encode(errors="surrogateescape")


def _value(value: Any) -> Any:  # Any: JSON
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {redact(name): _field(name, item) for name, item in value.items()}
    return value


def _field(name: str, value: Any) -> Any:  # Any: JSON
    return REDACTED if isinstance(value, str) and names_one(name) else _value(value)
