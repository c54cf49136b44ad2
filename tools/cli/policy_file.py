"""A policy to try out, from a YAML or JSON file; its rules are checked by whoever judges by it."""

from pathlib import Path
from textwrap import shorten

import yaml
from google.protobuf.json_format import ParseDict, ParseError

from magistrate.common.v1.judgement_pb2 import Policy
from tools.up.failures import StackError

_FACTS = tuple(field.name for field in Policy.DESCRIPTOR.fields)
_HINT = f"a policy has {', '.join(_FACTS)}"
MAX_BYTES = 64 * 1024
"""Twelve numbers need less."""


def read_policy(path: Path) -> Policy:
    """Return the policy that a file says.

    Raises:
        StackError: The file cannot be read, is no mapping, or has something that no policy has.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StackError(f"{path} has more than {MAX_BYTES} bytes, so it is no policy")
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StackError(f"{path} is not a UTF-8 text (byte {error.start})") from error
    except yaml.YAMLError as error:
        raise StackError(f"{path} is neither YAML nor JSON{_place(error)}") from error
    if not isinstance(told, dict):
        raise StackError(f"{path} is no policy: it must be a mapping with `reference: NAME@VERSION` and numbers")
    if unknown := sorted({str(name) for name in told} - set(_FACTS)):
        raise StackError(f"{path} is no policy: it has {shorten(', '.join(unknown), 80)}", hint=_HINT)
    try:
        return ParseDict({str(name): value for name, value in told.items()}, Policy())
    except ParseError as error:
        raise StackError(f"{path} is no policy: {_complaint(error)}", hint=_HINT) from error


def _place(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _complaint(error: ParseError) -> str:
    """Return what protobuf says, with the fact that is wrong in front; some of its sentences name it at the end."""
    said, _, where = str(error).rstrip(".").rpartition(f" at {Policy.DESCRIPTOR.name}.")
    return f"{where}: {said}" if said else where
