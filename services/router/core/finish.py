"""What a template does to an answer before anybody judges it: only what the model added to it, never what it says.

An answer comes whole or piece by piece, and is the same text in the end. So a step reads pieces: it gives back at once
what it can no longer take off, and holds the rest until it knows.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import product
from types import MappingProxyType


class Step(StrEnum):
    """One thing that is taken off an answer."""

    TRIM = "trim"
    """Blank space around it."""
    DELIMITERS = "delimiters"
    """Lines that are nothing but a delimiter of our own prompt, which small models repeat."""
    LABEL = "label"
    """A word such as "Answer:" in front of it."""


class Finishing:
    """Takes what ``steps`` say off one answer, in their order; an answer that would be empty then stays as it is."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = [_STEPS[step]() for step in steps]
        self._raw = self._blank = ""
        self._speaks = False

    def add(self, piece: str) -> str:
        """Return what is certain to stay of the answer now that ``piece`` follows; what was returned never changes."""
        if not self._speaks:
            self._raw += piece
        for step in self._steps:
            piece = step.add(piece)
        return self._spoken(piece)

    def end(self) -> str:
        """Return the rest of the answer, after the last piece."""
        rest = ""
        for step in self._steps:
            rest = step.add(rest) + step.end()
        said = self._spoken(rest)
        return said if self._speaks else self._raw

    def _spoken(self, piece: str) -> str:
        """Return ``piece``, with the blank text before it; nothing as long as all is blank."""
        if not self._speaks:
            self._blank += piece
            piece, self._speaks = self._blank, bool(self._blank.strip())
        return piece if self._speaks else ""


def finish(text: str, steps: Sequence[Step]) -> str:
    """Return a whole answer after every step."""
    finishing = Finishing(steps)
    return finishing.add(text) + finishing.end()


class _Held(ABC):
    """A step, and the text that it may still take off."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, piece: str) -> str:
        """Return what stays of the text before and in ``piece``, as far as it is certain."""
        self._held += piece
        return self._let_go()

    def end(self) -> str:
        """Return what stays of the text that is held, now that nothing follows it."""
        return self._held

    @abstractmethod
    def _let_go(self) -> str: ...


class _Trim(_Held):
    _began = False

    def _let_go(self) -> str:
        if not self._began:
            self._held = self._held.lstrip()
            self._began = bool(self._held)
        said = self._held.rstrip()
        self._held = self._held[len(said) :]
        return said

    def end(self) -> str:
        return ""


class _Delimiters(_Held):
    _TAGS = tuple(f"<{slash}{name}>" for slash, name in product(("", "/"), ("question", "context", "notes")))
    _BLANKS = " \t"
    _inside = False
    """Whether what is held goes on with a line of text."""

    def _let_go(self) -> str:
        said = ""
        while self._held:
            line, ended, rest = self._held.partition("\n")
            if not self._inside and not ended and self._may_be_one(line):
                break
            if self._inside or not self._is_one(line):
                said += line + ended
            self._inside, self._held = not ended, rest
        return said

    def end(self) -> str:
        return "" if self._is_one(self._held) else self._held

    def _is_one(self, line: str) -> bool:
        return line.strip(self._BLANKS) in self._TAGS

    def _may_be_one(self, line: str) -> bool:
        begun = line.lstrip(self._BLANKS)
        return self._is_one(line) or any(tag.startswith(begun) for tag in self._TAGS)


class _Label(_Held):
    _WORDS = ("answer", "assistant", "response")
    _PATTERN = re.compile(rf"\A\s*(?:\*\*)?(?ai:{'|'.join(_WORDS)})(?:\*\*)?\s*:(?:\*\*)?\s*(?=\S)")
    _COMPACT = tuple(map("".join, product(("", "**"), _WORDS, ("", "**"), (":", ":**"))))
    """Every label, in small letters and without blank space."""
    _past = False
    """Whether the answer itself has begun."""

    def _let_go(self) -> str:
        if not self._past and self._may_be_one():
            return ""
        said = self._held if self._past else self._PATTERN.sub("", self._held)
        self._past, self._held = True, ""
        return said

    def _may_be_one(self) -> bool:
        begun = "".join(self._held.split()).lower()
        return any(label.startswith(begun) for label in self._COMPACT)


_STEPS: Mapping[Step, Callable[[], _Held]] = MappingProxyType(
    {Step.TRIM: _Trim, Step.DELIMITERS: _Delimiters, Step.LABEL: _Label}
)
