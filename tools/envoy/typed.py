"""Small words of Envoy's configuration language that every feature needs."""

from typing import Any

Config = dict[str, Any]
"""Plain data as Envoy's JSON mapping of its protos defines it; the shape is checked by Envoy itself (``validate``)."""


def message(kind: str, **fields: Any) -> Config:
    """Return a message that carries its own type; ``kind`` is the full proto name."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


def extension(name: str, kind: str, **fields: Any) -> Config:
    """Return a named extension with its typed configuration."""
    return {"name": name, "typed_config": message(kind, **fields)}


def seconds(duration_s: float) -> str:
    """Return a duration as proto JSON writes it, exact to the millisecond."""
    return f"{duration_s:.3f}".rstrip("0").rstrip(".") + "s"


def exactly(name: str, value: str) -> Config:
    """Return a matcher for a request header with exactly this value."""
    return {"name": name, "string_match": {"exact": value}}
