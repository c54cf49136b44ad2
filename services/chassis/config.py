"""Typed configuration from the environment: parsed once in ``main``, frozen, and stopped by one clear line if wrong."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, core_schema
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

USAGE = 2
"""Exit code of a process that was started wrongly."""
_REDACTED = "[redacted]"


class Settings(BaseSettings):
    """Base of every room's ``Config``: give it an ``env_prefix`` and a docstring under each field."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    def describe(self) -> dict[str, object]:
        """Return every field and its value for people to read; secrets show only that they are set."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}


class SecretFile:
    """A secret by the path of the file that holds it, so that it is in no environment, process list or dump."""

    __slots__ = ("_path",)

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    @property
    def path(self) -> Path:
        """Return where the secret lies."""
        return self._path

    def read(self) -> str:
        """Return the secret without its final newline; read anew each time, so that it can be rotated.

        Raises:
            OSError: The file is gone or may not be read.
        """
        return self._path.read_text(encoding="utf-8").rstrip("\r\n")

    def __repr__(self) -> str:
        return f"SecretFile({_REDACTED})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretFile) and self._path == other._path

    def __hash__(self) -> int:
        return hash(self._path)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a path, and refuse it at the start if nothing can be read there."""
        return core_schema.no_info_plain_validator_function(cls._parse)

    @classmethod
    def _parse(cls, value: object) -> "SecretFile":
        if isinstance(value, SecretFile):
            return value
        if not isinstance(value, str | Path):
            raise ValueError("must be the path of a file")  # noqa: TRY004 - pydantic turns only ValueError into its report
        if not os.access(value, os.R_OK) or not Path(value).is_file():
            raise ValueError("there is no readable file")
        return cls(value)


_Config = TypeVar("_Config", bound=Settings)


def load(config: type[_Config]) -> _Config:
    """Return ``config`` read from the environment, or end the process with one line that says what to mend."""
    try:
        return config()
    except ValidationError as error:
        line = complaint(config, error, os.environ)
    except SettingsError as error:
        line = _unreadable(config, error, os.environ)
    sys.stderr.write(line + "\n")
    raise SystemExit(USAGE)


def complaint(config: type[Settings], error: ValidationError, environment: Mapping[str, str]) -> str:
    """Return the line for the first thing that is wrong: the variable, its value, the problem, what would be right."""
    first = error.errors(include_url=False)[0]
    problem = _problem(first)
    if not first["loc"] or first["loc"][0] not in config.model_fields:
        return f"magistrate: {config.__name__} is wrong: {problem}"
    name = str(first["loc"][0])
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"magistrate: {_variable(config, name)} is missing; right would be {_right(config.model_fields[name])}"
    return _wrong(config, name, problem, environment, default=first["input"])


def _unreadable(config: type[Settings], error: SettingsError, environment: Mapping[str, str]) -> str:
    """Return the line for a list or mapping that is no JSON, which pydantic-settings reports without its value."""
    name = next((name for name in config.model_fields if f'"{name}"' in str(error)), None)
    if name is None:
        return f"magistrate: {config.__name__} is wrong: {error}"
    return _wrong(config, name, "input should be JSON", environment, default="")


def _wrong(config: type[Settings], name: str, problem: str, environment: Mapping[str, str], *, default: object) -> str:
    variable = _variable(config, name)
    given = next((value for key, value in environment.items() if key.upper() == variable), default)
    return f"magistrate: {variable}={given} is wrong: {problem}; right would be {_right(config.model_fields[name])}"


def _variable(config: type[Settings], name: str) -> str:
    return f"{config.model_config.get('env_prefix', '')}{name}".upper()


def _problem(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ").split("\n", maxsplit=1)[0]
    return message[:1].lower() + message[1:]


def _right(field: FieldInfo) -> str:
    """Return what the field takes: its type with its limits, an example, and its sentence."""
    parts = [_kind(field)]
    if field.default is not None and not field.is_required() and str(field.default):
        shown = json.dumps(field.default) if isinstance(field.default, tuple | list | dict) else field.default
        parts.append(f"for example {shown}")
    sentence = " ".join((field.description or "").split())
    return ", ".join(parts) + (f" ({sentence.rstrip('.')})" if sentence else "")


_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list",
    "object": "a JSON object",
}


def _kind(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if annotation is SecretFile or SecretFile in getattr(annotation, "__args__", ()):
        return "the path of a readable file"
    schema = TypeAdapter(field.rebuild_annotation()).json_schema()
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            schema = option
            break
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    return _WORDS.get(schema.get("type", ""), "a text") + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    named = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = [f"{word} {schema[key]}" for key, word in named.items() if key in schema]
    if "pattern" in schema:
        limits.append(f"of the form {schema['pattern']}")
    return " " + " and ".join(limits) if limits else ""


def _shown(value: object) -> object:
    return _REDACTED if isinstance(value, SecretFile) else value
