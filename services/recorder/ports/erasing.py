"""How content is kept from others, and taken away for good."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.recorder.core.batch import Entry
from services.recorder.core.custody import Body, DataKey, Tombstone
from services.recorder.ports.records import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did."""

    count: int
    """Records whose body is now unreadable."""
    position: Written | None
    """The first record of the erasure; None where there was nothing to erase."""


class ErasureStore(Protocol):
    """Where keys are destroyed."""

    async def erase(
        self,
        tenant: str,
        *,
        tags: Collection[bytes],
        subject_id: str,
        tombstone: Tombstone,
        repeat_key: str,
        origin: str,
        describe: Callable[[Mapping[str, Sequence[int]]], Sequence[Entry]],
    ) -> Erased:
        """Destroy the keys of one person, remember it and append the records of it, all in one transaction.

        Args:
            tenant: Whose logs.
            tags: The person's tags.
            subject_id: The person, for bodies that are older than keys.
            tombstone: What of the person comes later, and is from before it, has no content any more.
            repeat_key: Idempotency key of the first record; where it is there, that erasure is the answer.
            origin: The log that gets the records.
            describe: Makes the records from the erased indexes of each log.

        Raises:
            WorldError: the store did not answer; repeat the call.
            StaleKeysError: the tenant's key was destroyed meanwhile; nothing is written.
            StoreFullError: there is no room; nothing is written or destroyed.
        """
        ...


class Keyring(Protocol):
    """The keys of all tenants' bodies."""

    async def draw(self, tenant: str, persons: Sequence[str]) -> DataKey:
        """Return the key for content of these persons, always a new one where it is nobody's."""
        ...

    def close(self, key: DataKey, plaintext: bytes, context: bytes) -> bytes:
        """Return the sealed form of ``plaintext``; the context binds it to its record."""
        ...

    async def open(self, body: Body, context: bytes) -> bytes | None:
        """Return the plaintext; None where the body or its key is no more.

        Raises:
            WorldError: INTERNAL, it was altered, belongs elsewhere, or the key file does not have its key.
        """
        ...

    async def tags(self, tenant: str, person: str) -> Sequence[bytes]:
        """Return what a person's keys are found by: a name that only the holder of the body key can compute."""
        ...

    def forget(self, tenant: str) -> None:
        """Read the tenant's keys anew from now on."""
        ...

    async def rotate(self, tenant: str) -> tuple[int, int]:
        """Give the tenant a new key; return its version and how many data keys it wraps anew."""
        ...
