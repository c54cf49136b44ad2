"""A content address of an adjudication: the same content gives the same hash anywhere, at any time (spec 2.8).

Canonical form: JSON with sorted keys, no whitespace, UTF-8 without escapes, every number as a text with six decimals
so that no language's way of printing floats matters. Timestamps and durations are no part of it.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from hashlib import sha256
from json import dumps

Content = None | bool | int | float | str | Enum | Sequence["Content"] | Mapping[str, "Content"]


def audit_hash(content: Mapping[str, Content]) -> str:
    """Return the SHA-256 of the canonical form, 64 lowercase hex digits."""
    canonical = dumps(_canonical(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return sha256(canonical.encode()).hexdigest()


def _canonical(content: Content) -> object:
    if isinstance(content, str):
        return str(content)
    if isinstance(content, Enum):
        return content.name
    if isinstance(content, bool) or content is None:
        return content
    if isinstance(content, int | float):
        return f"{content:.6f}"
    if isinstance(content, Mapping):
        return {str(key): _canonical(value) for key, value in content.items()}
    return [_canonical(value) for value in content]
