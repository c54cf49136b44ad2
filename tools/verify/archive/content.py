"""What the folder says about each record's content, and the content itself, held against the records."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Facts, Folder

STATES = ("PRESENT", "ERASED", "EXPIRED", "KEY_MISSING")
ELSEWHERE = "ERASED_BY_A_RECORD_ELSEWHERE"
"""Erased, by a record of another log, or behind the checkpoint, or outside of what was exported."""
_WORDS = {
    "OPENED": "readable in the folder",
    "SEALED": "sealed in the folder",
    "PRESENT": "only with the log's owner",
    "ERASED": "erased",
    ELSEWHERE: "erased by a record that is not in the folder",
    "EXPIRED": "expired",
    "KEY_MISSING": "without its key",
}
_INDEXES = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)

Envelope = Mapping[str, Any]


def in_words(states: Mapping[str, int]) -> str:
    """Return how much of the content is where."""
    return ", ".join(f"{count} {_WORDS[state]}" for state, count in states.items()) or "none"


class Contents:
    """Goes through `content.jsonl` as the records come by."""

    def __init__(self, folder: Folder, facts: Facts) -> None:
        self._folder, self._facts = folder, facts
        self._lines = folder.lines(layout.CONTENT_FACTS)
        self._erased = dict[int, Mapping[str, Any]]()
        self._erasures = dict[int, dict[str, str]]()
        self.states = Counter[str]()

    def check(self, index: int, record: bytes) -> None:
        """Hold one record of the range against its line and content.

        Raises:
            DamageError: FORM, RECORD, CONTENT.
        """
        envelope = self.remember(index, record)
        line = next(self._lines, None)
        if line is None or line.get("index") != index or line.get("state") not in STATES:
            problem = f"{layout.CONTENT_FACTS} does not say what became of record {index}"
            raise DamageError(Damage.FORM, problem, file=layout.CONTENT_FACTS, index=index)
        for state in self._checked(index, line, envelope):
            self.states[state] += 1

    def remember(self, index: int, record: bytes) -> Envelope:
        """Return a record's envelope; keep it at hand where it is of an erasure.

        Raises:
            DamageError: RECORD, it is not JSON.
        """
        try:
            envelope = json.loads(record)
            if envelope["kind"] == "ERASURE":
                attributes = dict(envelope["attributes"])
                self._erasures[index] = {str(name): str(value) for name, value in attributes.items()}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamageError(Damage.RECORD, f"record {index} is not an envelope of evidence", index=index) from error
        return dict(envelope)

    def finish(self) -> None:
        """Hold every erasure that was claimed against the record of it, if that is here.

        Raises:
            DamageError: ERASURE; FORM, there are lines too many.
        """
        if next(self._lines, None) is not None:
            problem = f"{layout.CONTENT_FACTS} speaks of more records than there are"
            raise DamageError(Damage.FORM, problem, file=layout.CONTENT_FACTS)
        for index, line in self._erased.items():
            place = line.get("erasure")
            at = place.get("index") if isinstance(place, dict) else None
            here = isinstance(place, dict) and place.get("origin") == self._facts.origin
            attributes = self._erasures.get(at) if here and isinstance(at, int) else None
            if attributes is None:
                self.states["ERASED"] -= 1
                self.states[ELSEWHERE] += 1
            elif attributes.get("legal_basis") != line.get("basis") or not self._names(at, index):
                problem = f"record {index} is said to be erased by record {at}, which does not say so"
                raise DamageError(Damage.ERASURE, problem, file=layout.CONTENT_FACTS, index=index)

    def _checked(self, index: int, line: Mapping[str, Any], envelope: Envelope) -> Iterator[str]:
        """Yield what is known of a record's content, once it holds."""
        if line["state"] == "ERASED":
            self._erased[index] = line
        if "sealed" in line:
            sealed = hashlib.sha256(self._folder.read(layout.sealed_path(index), index=index)).hexdigest()
            self._hold(index, layout.sealed_path(index), sealed, envelope.get("body"))
            yield "SEALED"
        if "nonce" in line:
            content = self._folder.read(layout.content_path(index), index=index)
            self._hold(index, layout.content_path(index), _commitment(line["nonce"], content), envelope.get("payload"))
            yield "OPENED"
        if "sealed" not in line and "nonce" not in line:
            yield line["state"]

    def _hold(self, index: int, name: str, digest: str, stated: object) -> None:
        if digest != stated:
            raise DamageError(
                Damage.CONTENT, f"the content of record {index} is not the one it commits to", file=name, index=index
            )

    def _names(self, first: object, index: int) -> bool:
        """Return whether the records of an erasure, which stand one after the other, name an index of this log."""
        at = first if isinstance(first, int) else -1
        while attributes := self._erasures.get(at):
            lines = (text for name, text in attributes.items() if name.startswith("records."))
            if any(_covers(text, self._facts.origin, index) for text in lines):
                return True
            at += 1
        return False


def _commitment(nonce: object, content: bytes) -> str:
    try:
        return hashlib.sha256(bytes.fromhex(str(nonce)) + content).hexdigest()
    except ValueError:
        return ""


def _covers(text: str, origin: str, index: int) -> bool:
    named, _, parts = text.partition(" ")
    ranges = (_INDEXES.fullmatch(part) for part in parts.split(","))
    return named == origin and any(found and int(found[1]) <= index <= int(found[2] or found[1]) for found in ranges)
