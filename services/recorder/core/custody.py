"""Which key seals a body, and what is left of a body whose key is gone."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

KEY_BYTES = 32
KEY_ID_BYTES = 16


class BodyState(StrEnum):
    """Whether the content of a record is there; the names are those of the contract."""

    PRESENT = "PRESENT"
    ERASED = "ERASED"
    EXPIRED = "EXPIRED"
    KEY_MISSING = "KEY_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as it is stored."""

    id: bytes
    tenant_key: int
    """The tenant key that wraps it."""
    wrapped: bytes
    subject: bytes = b""
    """The tag of the person whose content it seals; empty for the key of one record about nobody."""
    requester: bytes = b""
    """The tag of who asked, where that is somebody else: the content is theirs too."""

    @property
    def tags(self) -> tuple[bytes, ...]:
        """Return the tag of everybody whose content it seals."""
        return tuple(tag for tag in (self.subject, self.requester) if tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The latest erasure of a person: no record may have content of before it any more."""

    erased_at: datetime
    reference: str
    """What whoever carried it out calls the erasure; empty where it gave it no name."""

    def covers(self, occurred_at: datetime | None) -> bool:
        """Tell whether what happened then was erased; what happens now was not."""
        return occurred_at is not None and occurred_at <= self.erased_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A data key at work."""

    stored: WrappedKey
    secret: bytes = field(repr=False)
    erased: Tombstone | None = None
    """The latest erasure of anybody whose content it seals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The record that says why a body is no more."""

    origin: str
    index: int
    leaf: bytes
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as it rests in the store, with its key."""

    sealed: bytes | None
    """None where it was dropped."""
    key: WrappedKey | None = None
    """None where the body key itself seals it, as all did before there were data keys."""
    state: BodyState = BodyState.PRESENT
    erasure: Erasure | None = None


def state_of(*, sealed: bytes | None, key_id: bytes | None, known: bool, wrapped: bytes | None) -> BodyState:
    """Return what became of a body, by what the store still has of it and its key.

    Args:
        sealed: The body; empty where it was erased, None where it was dropped.
        key_id: The data key that it names, if it names one.
        known: Whether the store has a row for that key.
        wrapped: That key, None where it was destroyed.
    """
    if sealed is None:
        return BodyState.EXPIRED
    if key_id is None:
        return BodyState.PRESENT if sealed else BodyState.ERASED
    if not known:
        return BodyState.KEY_MISSING
    return BodyState.ERASED if wrapped is None else BodyState.PRESENT
