"""What a starting, serving or stopping stack tells whoever watches it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from tools.up.failures import StackError


class Kind(StrEnum):
    """What happened."""

    PLANNED = "planned"
    """A part will be started; all plans come before the first start."""
    STARTING = "starting"
    READY = "ready"
    NOTE = "note"
    """Something worth a line that is no failure."""
    ENDED = "ended"
    """A part ended although nobody asked it to; it is started again."""
    FAILED = "failed"
    """The stack cannot start; everything is stopped."""
    SERVING = "serving"
    """Every part is ready; ``text`` is the address of the public API."""
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to the stack, or to one part of it."""

    kind: Kind
    part: str = ""
    text: str = ""
    hint: str = ""
    seconds: float = 0.0
    """How long it took, where something ended."""
    log: tuple[str, ...] = ()
    """The last lines that the part wrote, where it failed."""

    def to_json(self) -> str:
        """Return the event as one line of JSON without its empty fields."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, line: str) -> "Event":
        """Return the event of a line that `to_json` wrote."""
        fields = json.loads(line)
        return cls(**fields | {"kind": Kind(fields["kind"]), "log": tuple(fields.get("log", ()))})


def failed(error: StackError) -> Event:
    """Return the event that tells of ``error``."""
    return Event(kind=Kind.FAILED, part=error.part, text=error.problem, hint=error.hint, log=error.log)


Report = Callable[[Event], None]
"""Receives each event as it happens."""
