"""Turn what a producer hands in into leaves, have them committed, and tell a retry from a conflict."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from services.chassis.clock import Clock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.chassis.rows import rows_of
from services.recorder.core import body
from services.recorder.core.batch import Entry
from services.recorder.core.custody import DataKey
from services.recorder.core.envelope import Draft, check, restate
from services.recorder.core.erasure import same_but_for_content, withheld
from services.recorder.core.merkle import hash_leaf
from services.recorder.core.redaction import cleaned
from services.recorder.ports import Keyring, RejectedError, StaleKeysError, Written
from services.recorder.writing.committer import AWAY_RETRY_S, FIRST_RETRY_S, Committer
from services.recorder.writing.entries import EntryMaker

ANSWER_S = 0.05
"""What is kept back of the caller's time, so that it learns the reason and not just that its time is over."""
TRIES = 3
"""How often a record is sealed because a key perished in the meantime."""
_withheld = counter(
    "magistrate_recorder_withheld_records_total", "Records that came after the erasure of whom they are about"
)

_log = get_logger("recorder.intake", fields=("key", "problem"))

Outcome = Written | MeshError | RejectedError
"""What became of one record."""


class Intake:
    """The write path of records."""

    def __init__(
        self, committer: Committer, keyring: Keyring, entries: EntryMaker, clock: Clock, *, patience_s: float
    ) -> None:
        self._committer, self._keyring, self._entries = committer, keyring, entries
        self._clock, self._patience_s = clock, patience_s

    async def append(self, draft: Draft, remaining_s: float | None) -> Written:
        """Return where ``draft`` stands, after it is durable; the same draft always gets the same place.

        Raises:
            CallerError: a field breaks its rule, or IDEMPOTENCY_CONFLICT.
            WorldError: QUEUE_FULL, STORE_FULL or EVIDENCE_UNAVAILABLE.
        """
        (outcome,) = await self.append_all([draft], remaining_s)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def note(self, draft: Draft) -> bool:
        """Record what the recorder itself has to say; False where this tenant's log or keys cannot take it, ever.

        What is wrong with them is on record elsewhere, and must keep nothing from any other tenant.

        Raises:
            WorldError: the store is away or takes nothing; the same may be said later.
        """
        try:
            await self.append(draft, None)
        except (RejectedError, CallerError) as error:
            problem = type(error).__name__
        except WorldError as error:
            if error.kind is not Kind.INTERNAL:
                raise
            problem = error.reason
        else:
            return True
        _log.error("not_noted", tenant=draft.tenant, key=draft.idempotency_key, problem=problem)
        return False

    async def append_all(self, drafts: Sequence[Draft], remaining_s: float | None) -> list[Outcome]:
        """Return what became of each of one tenant's ``drafts``, which are written together."""
        patience_s = self._patience_s if remaining_s is None else min(self._patience_s, remaining_s - ANSWER_S)
        ends_at = self._clock.monotonic() + patience_s
        drafts = [cleaned(draft) for draft in drafts]
        for _ in range(TRIES):
            try:
                with rows_of(drafts[0].tenant):
                    return await self._append(drafts, ends_at)
            except StaleKeysError:
                self._keyring.forget(drafts[0].tenant)
            except MeshError as error:
                return [error] * len(drafts)
        unsettled = WorldError(Kind.ABORTED, "WRITE_CONFLICT", "the tenant's keys are being changed; repeat the call")
        return [unsettled] * len(drafts)

    async def _append(self, drafts: Sequence[Draft], ends_at: float) -> list[Outcome]:
        """Write every draft that is good.

        Raises:
            MeshError: none of them could be written.
            StaleKeysError: a key perished in the meantime.
        """
        entries = [await self._entry(draft, ends_at) for draft in drafts]
        good = [entry for entry in entries if isinstance(entry, Entry)]
        written = await self._commit(good, ends_at)
        return [
            await self._outcome(draft, entry, written[id(entry)]) if isinstance(entry, Entry) else entry
            for draft, entry in zip(drafts, entries, strict=True)
        ]

    async def _commit(self, entries: Sequence[Entry], ends_at: float) -> dict[int, Written | RejectedError]:
        """Commit entries, each log's by themselves; most calls have but one. Return each one's place by its id()."""
        groups = defaultdict[str, list[Entry]](list)
        for entry in entries:
            groups[entry.origin].append(entry)
        left_s = ends_at - self._clock.monotonic()
        appends = [self._committer.append(group, left_s) for group in groups.values()]
        # A task for each costs more than all else that is done here for one record.
        places = [await appends[0]] if len(appends) == 1 else await asyncio.gather(*appends)
        written = zip(groups.values(), places, strict=True)
        return {id(entry): place for group, found in written for entry, place in zip(group, found, strict=True)}

    async def _entry(self, draft: Draft, ends_at: float) -> Entry | CallerError:
        try:
            key = await self._key(check(draft), ends_at)
            if key.erased and key.erased.covers(draft.occurred_at):
                draft = withheld(draft, key.erased)
                key = await self._key(draft, ends_at)
                _withheld.inc()
            return self._entries.make(draft, key)
        except CallerError as error:
            return error

    async def _key(self, draft: Draft, ends_at: float) -> DataKey:
        """Draw a key; most are at hand, and for one that is not the store is asked as patiently as for a commit."""
        while True:
            try:
                return await self._keyring.draw(draft.tenant, draft.persons)
            except WorldError as error:
                if self._clock.monotonic() + FIRST_RETRY_S >= ends_at:
                    message = "the keys of the evidence cannot be read; send it again under the same key"
                    raise unavailable("EVIDENCE_UNAVAILABLE", message, AWAY_RETRY_S) from error
            await asyncio.sleep(FIRST_RETRY_S)

    async def _outcome(self, draft: Draft, entry: Entry, written: Written | RejectedError) -> Outcome:
        if isinstance(written, Written) and written.leaf != entry.leaf:
            try:
                await self._check_repeats(draft, written)
            except MeshError as error:
                return error
        return written

    async def _check_repeats(self, draft: Draft, written: Written) -> None:
        """Return if ``draft`` repeats the first write; what was erased, before it or since, is not compared."""
        opened = await self._keyring.open(written.body, body.context(draft.tenant, draft.idempotency_key))
        given = restate(draft, written.envelope, None if opened is None else body.split(opened)[0])
        if given == written.envelope or same_but_for_content(given, written.envelope):
            return
        digests = {"recorded": written.leaf.hex(), "given": hash_leaf(given).hex()}
        message = "the idempotency key was used before with other content"
        metadata = {"idempotency_key": draft.idempotency_key, **digests}
        raise CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", message, metadata=metadata)
