"""Whether an answer follows its JSON schema (draft 2020-12)."""

import json
import re

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

_LONGEST_PROBLEM = 200


def is_schema(text: str) -> bool:
    """Return whether ``text`` is a JSON schema that is an object."""
    try:
        schema = json.loads(text)
        Draft202012Validator.check_schema(schema)
    except (ValueError, RecursionError, SchemaError):
        return False
    return isinstance(schema, dict)


def problem(schema: str, answer: str) -> str:
    """Return what is wrong with ``answer``, with the place of it; nothing where it follows ``schema``."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return "it is not JSON"
    # An empty registry: the default one would fetch what a reference points to.
    validator = Draft202012Validator(json.loads(schema), registry=Registry())
    try:
        worst = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError, re.error):
        return ""  # what cannot be judged is left to the vendor
    if worst is None:
        return ""
    return f"{worst.json_path} breaks {worst.validator} {json.dumps(worst.validator_value)}"[:_LONGEST_PROBLEM]
