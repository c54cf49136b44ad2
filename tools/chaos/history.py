"""What was asked, what was answered and what was done, as it happened."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an acknowledgement says that a record stands."""

    origin: str
    index: int
    leaf: bytes


@dataclass(slots=True)
class History:
    """Everything that one run has to answer for."""

    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    """Seconds since the beginning, what, and about whom."""
    places: dict[str, set[Place]] = field(default_factory=lambda: defaultdict(set))
    """By key: every place that any acknowledgement has named."""
    promised: set[str] = field(default_factory=set)
    """Keys that a spool or outbox has taken durably."""
    people: dict[str, str] = field(default_factory=dict)
    """By key: whom the record is about."""
    erasable: set[str] = field(default_factory=set)
    """Keys that were acknowledged before an erasure of their person began, which then was confirmed."""
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, about: str = "") -> None:
        """Write a line."""
        self.lines.append((round(time.monotonic() - self.began, 3), what, about))
        self.counts[what] += 1

    def acknowledge(self, key: str, place: Place) -> None:
        """Write down where a record stands."""
        self.places[key].add(place)
        self.note("acknowledged", f"{key} {place.origin} {place.index}")

    def promise(self, key: str) -> None:
        """Write down that a record will arrive."""
        self.promised.add(key)
        self.note("promised", key)

    def about(self, person: str) -> frozenset[str]:
        """Return the acknowledged records about a person."""
        return frozenset(key for key in self.places if self.people.get(key) == person)

    def keep(self, folder: Path, seed: int, violations: Iterable[str]) -> Path:
        """Write everything into ``folder``; return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"chaos-{seed}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"seed": seed, "violation": text}) + "\n" for text in violations)
            file.writelines(json.dumps({"s": s, "what": what, "about": about}) + "\n" for s, what, about in self.lines)
        return path
