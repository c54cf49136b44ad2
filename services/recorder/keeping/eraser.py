"""Erase a person: their keys perish, the log says so, every proof stays."""

from collections.abc import Mapping, Sequence

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError
from services.recorder.core import erasure
from services.recorder.core.batch import Entry
from services.recorder.core.custody import DataKey, Tombstone
from services.recorder.core.envelope import check_erasure
from services.recorder.ports import Erased, ErasureStore, Keyring, StaleKeysError, StoreFullError
from services.recorder.writing.entries import EntryMaker
from services.recorder.writing.valve import store_full


class Eraser:
    """The write path of an erasure."""

    def __init__(self, store: ErasureStore, keyring: Keyring, entries: EntryMaker, clock: Clock) -> None:
        self._store, self._keyring, self._entries, self._clock = store, keyring, entries, clock

    async def erase(self, tenant: str, subject_id: str, basis: str, request_id: str, reference: str = "") -> Erased:
        """Make all content of ``subject_id`` unreadable, also what is delivered later; the same call is answered alike.

        Raises:
            CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED.
            WorldError: STORE_FULL, STORE_UNAVAILABLE, WRITE_CONFLICT.
        """
        check_erasure(subject_id, basis, reference)
        try:
            return await self._erase(tenant, subject_id, basis, request_id, reference)
        except StaleKeysError as error:
            message = "the tenant's key was changed at this moment; repeat the call"
            raise WorldError(Kind.ABORTED, "WRITE_CONFLICT", message) from error
        except StoreFullError as error:
            raise store_full() from error
        finally:
            self._keyring.forget(tenant)

    async def _erase(self, tenant: str, subject_id: str, basis: str, request_id: str, reference: str) -> Erased:
        tags = await self._keyring.tags(tenant, subject_id)
        identity = erasure.identity(request_id, tags[0])
        # One key seals the erasure's own records, which have no content; drawn before the transaction takes its locks.
        key = await self._keyring.draw(tenant, ())
        return await self._store.erase(
            tenant,
            tags=tags,
            subject_id=subject_id,
            tombstone=Tombstone(erased_at=self._clock.now(), reference=reference),
            repeat_key=erasure.first_key(identity),
            origin=self._entries.origin(tenant),
            describe=lambda erased: self._described(tenant, basis, identity, erased, key),
        )

    def _described(
        self, tenant: str, basis: str, identity: str, erased: Mapping[str, Sequence[int]], key: DataKey
    ) -> Sequence[Entry]:
        return [self._entries.make(draft, key) for draft in erasure.drafts(tenant, basis, identity, erased)]
