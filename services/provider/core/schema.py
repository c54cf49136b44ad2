"""Whether an answer follows its JSON schema: the part of JSON Schema that vendors take for structured answers.

Keywords that are not here (``format``, for one) are left to the vendor; none of them makes a good answer a bad one.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

Schema: TypeAlias = Any  # JSON: an object, or true or false
_DEEPEST = 64
"""Levels that are looked at; a schema that points at itself ends there."""
_LONGEST_PROBLEM = 200


def problem(schema: str, answer: str) -> str:
    """Return what is wrong with ``answer``, with the place of it; nothing where it follows ``schema``."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return "it is not JSON"
    root = json.loads(schema)
    return next(_Check(root).problems(root, value, "$", 0), "")[:_LONGEST_PROBLEM]


class _Check:
    def __init__(self, root: Schema) -> None:
        self._root = root

    def problems(self, schema: Schema, value: Any, where: str, depth: int) -> Iterator[str]:  # Any: JSON
        if schema is False:
            yield f"{where} must not be there"
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return
        yield from _plain_problems(schema, value, where)
        yield from self._combined(schema, value, where, depth + 1)
        if isinstance(value, dict):
            yield from self._members(schema, value, where, depth + 1)
        if isinstance(value, list) and "items" in schema:
            items = (self.problems(schema["items"], item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value))
            yield from chain.from_iterable(items)

    def _combined(self, schema: Mapping[str, Any], value: Any, where: str, depth: int) -> Iterator[str]:
        if "$ref" in schema:
            yield from self.problems(self._named(schema["$ref"]), value, where, depth)
        for part in schema.get("allOf", ()):
            yield from self.problems(part, value, where, depth)
        for word, least, most in (("anyOf", 1, None), ("oneOf", 1, 1)):
            if word not in schema:
                continue
            met = sum(next(self.problems(part, value, where, depth), None) is None for part in schema[word])
            if met < least or (most is not None and met > most):
                yield f"{where} meets {met} of {word}"

    def _members(self, schema: Mapping[str, Any], value: Mapping[str, Any], where: str, depth: int) -> Iterator[str]:
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, member in value.items():
            rule = known[name] if name in known else schema.get("additionalProperties", True)
            yield from self.problems(rule, member, f"{where}.{name}", depth)

    def _named(self, pointer: str) -> Schema:
        """Return what a reference within the schema points at; true, which allows all, where it points elsewhere."""
        found = self._root
        for step in pointer.removeprefix("#").split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), True) if isinstance(found, dict) else True
        return found if pointer.startswith("#") else True


def _plain_problems(schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    kinds = schema.get("type")
    if kinds is not None and not any(_is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{where} must be of type {kinds}"
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        yield f"{where} must be one of its enum"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} must be its const"
    for word, measured in _measures(value):
        if word in schema and not _LIMITS[word](measured, schema[word]):
            yield f"{where} breaks {word} {schema[word]}"


def _measures(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str):
        yield from (("minLength", len(value)), ("maxLength", len(value)), ("pattern", value))
    elif isinstance(value, list):
        yield from (("minItems", len(value)), ("maxItems", len(value)), ("uniqueItems", value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (
            (word, value) for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        )


_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minLength": lambda n, limit: n >= limit,
    "maxLength": lambda n, limit: n <= limit,
    "pattern": lambda text, pattern: _matches(pattern, text),
    "minItems": lambda n, limit: n >= limit,
    "maxItems": lambda n, limit: n <= limit,
    "uniqueItems": lambda items, wanted: (
        not wanted or len({json.dumps(i, sort_keys=True) for i in items}) == len(items)
    ),
    "minimum": lambda n, limit: n >= limit,
    "maximum": lambda n, limit: n <= limit,
    "exclusiveMinimum": lambda n, limit: n > limit,
    "exclusiveMaximum": lambda n, limit: n < limit,
    "multipleOf": lambda n, step: abs(n / step - round(n / step)) < 1e-9,  # noqa: PLR2004 - of binary fractions
}
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def _is(kind: str, value: Any) -> bool:
    if kind == "integer":
        return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, object))


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True
