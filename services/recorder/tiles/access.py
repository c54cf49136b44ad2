"""Which logs a request may read: public ones, and those of the tenant that its bearer token names."""

from collections.abc import Sequence
from enum import Enum, auto

from services.recorder.tiles.ports import Door, PublishedLog

_SCHEME = "bearer "


class Verdict(Enum):
    """What becomes of a request for a log."""

    GRANTED = auto()
    STRANGER = auto()
    """Nobody knows who asks, and the log is not public."""
    ABSENT = auto()
    """There is no such log for this caller: another tenant's looks like one that does not exist."""


class Access:
    """The rules of one process."""

    def __init__(self, door: Door | None, public_logs: Sequence[str]) -> None:
        self._door, self._public = door, tuple(public_logs)

    def judge(self, origin: str, log: PublishedLog | None, authorization: str) -> Verdict:
        """Return whether the log at ``origin`` may be read with an Authorization header (empty: none was sent)."""
        if self._is_public(origin):
            return Verdict.GRANTED if log else Verdict.ABSENT
        tenant = self._tenant(authorization)
        if tenant is None:
            return Verdict.STRANGER
        return Verdict.GRANTED if log and log.tenant == tenant else Verdict.ABSENT

    def _is_public(self, origin: str) -> bool:
        return any(origin == name or (name.endswith("/") and origin.startswith(name)) for name in self._public)

    def _tenant(self, authorization: str) -> str | None:
        if self._door is None or not authorization.lower().startswith(_SCHEME):
            return None
        return self._door.tenant_of(authorization[len(_SCHEME) :].strip())


def names(listed: str) -> list[str]:
    """Return the entries of a list separated by commas."""
    return [name for each in listed.split(",") if (name := each.strip())]
