"""Turn what a producer hands in into a leaf, have it committed, and tell a retry from a conflict."""

import hashlib
from collections.abc import Callable

from services.chassis.clock import Clock
from services.chassis.errors import CallerError, Kind
from services.recorder.committer import Committer
from services.recorder.core import body, log
from services.recorder.core.batch import Entry
from services.recorder.core.envelope import SALT_BYTES, Draft, Stamp, check, restate, write
from services.recorder.core.merkle import hash_leaf
from services.recorder.ports import Seal, Written

ANSWER_S = 0.05
"""What is kept back of the caller's time, so that it learns the reason and not just that its time is over."""


class Intake:
    """The write path of one record."""

    def __init__(
        self,
        committer: Committer,
        seal: Seal,
        clock: Clock,
        *,
        random_bytes: Callable[[int], bytes],
        deployment: str,
        patience_s: float,
    ) -> None:
        self._committer, self._seal, self._clock = committer, seal, clock
        self._random_bytes, self._deployment, self._patience_s = random_bytes, deployment, patience_s

    async def append(self, draft: Draft, remaining_s: float | None) -> Written:
        """Return where ``draft`` stands, after it is durable; the same draft always gets the same place.

        Raises:
            CallerError: a field breaks its rule, or IDEMPOTENCY_CONFLICT.
            WorldError: QUEUE_FULL or EVIDENCE_UNAVAILABLE.
        """
        entry = self._entry(check(draft))
        patience_s = self._patience_s if remaining_s is None else min(self._patience_s, remaining_s - ANSWER_S)
        written = await self._committer.append(entry, patience_s)
        if written.leaf != entry.leaf:
            self._check_repeats(draft, written)
        return written

    def _entry(self, draft: Draft) -> Entry:
        now, salt = self._clock.now(), self._random_bytes(SALT_BYTES)
        context = body.context(draft.tenant, draft.idempotency_key)
        sealed = self._seal.close(body.join(salt, draft.payload), context)
        stamp = Stamp(recorded_at=now, salt=salt, body_digest=hashlib.sha256(sealed).digest())
        envelope = write(draft, stamp)
        return Entry(
            tenant=draft.tenant,
            origin=log.origin(self._deployment, log.check_tenant(draft.tenant), now),
            key=draft.idempotency_key,
            leaf=hash_leaf(envelope),
            envelope=envelope,
            sealed=sealed,
            kind=draft.kind,
            decision_id=draft.decision_id,
            content_type=draft.content_type,
            subject_id=draft.subject_id,
            occurred_at=draft.occurred_at or now,
            recorded_at=now,
        )

    def _check_repeats(self, draft: Draft, written: Written) -> None:
        context = body.context(draft.tenant, draft.idempotency_key)
        salt, _ = body.split(self._seal.open(written.sealed, context))
        given = restate(draft, written.envelope, salt)
        if given == written.envelope:
            return
        digests = {"recorded": written.leaf.hex(), "given": hash_leaf(given).hex()}
        message = "the idempotency key was used before with other content"
        metadata = {"idempotency_key": draft.idempotency_key, **digests}
        raise CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", message, metadata=metadata)
