"""What a template does to an answer before anybody judges it: only what the model added to it, never what it says."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

_DELIMITER_LINE = re.compile(r"^[ \t]*</?(?:question|context|notes)>[ \t]*(?:\n|\Z)", re.MULTILINE)
_LABEL = re.compile(r"\A\s*(?:\*\*)?(?:answer|assistant|response)(?:\*\*)?\s*:(?:\*\*)?\s*(?=\S)", re.IGNORECASE)


class Step(StrEnum):
    """One thing that is taken off an answer."""

    TRIM = "trim"
    """Blank space around it."""
    DELIMITERS = "delimiters"
    """Lines that are nothing but a delimiter of our own prompt, which small models repeat."""
    LABEL = "label"
    """A word such as "Answer:" in front of it."""


_STEPS: Mapping[Step, Callable[[str], str]] = MappingProxyType(
    {
        Step.TRIM: str.strip,
        Step.DELIMITERS: lambda text: _DELIMITER_LINE.sub("", text),
        Step.LABEL: lambda text: _LABEL.sub("", text),
    }
)


def finish(text: str, steps: Sequence[Step]) -> str:
    """Return ``text`` after every step, in their order; a text that would be empty then stays as it is."""
    finished = text
    for step in steps:
        finished = _STEPS[step](finished)
    return finished if finished.strip() else text
