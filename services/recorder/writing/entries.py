"""Turn a draft into an entry that is ready to be written: sealed, and stated in an envelope."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from services.chassis.clock import Clock
from services.recorder.core import body, log
from services.recorder.core.batch import Entry
from services.recorder.core.custody import DataKey
from services.recorder.core.envelope import SALT_BYTES, Draft, Stamp, write
from services.recorder.core.merkle import hash_leaf
from services.recorder.ports import Keyring


class EntryMaker:
    """Draws what a first write draws: time and salt."""

    def __init__(
        self, keyring: Keyring, clock: Clock, *, random_bytes: Callable[[int], bytes], deployment: str
    ) -> None:
        self._keyring, self._clock = keyring, clock
        self._random_bytes, self._deployment = random_bytes, deployment

    def make(self, draft: Draft, key: DataKey) -> Entry:
        """Return the entry of ``draft``, its body sealed with ``key``."""
        now, salt = self._clock.now(), self._random_bytes(SALT_BYTES)
        context = body.context(draft.tenant, draft.idempotency_key)
        sealed = self._keyring.close(key, body.join(salt, draft.payload), context)
        envelope = write(draft, Stamp(recorded_at=now, salt=salt, body_digest=hashlib.sha256(sealed).digest()))
        return Entry(
            tenant=draft.tenant,
            origin=self._origin(draft.tenant, now, draft.stream or log.stream_of(draft.kind)),
            key=draft.idempotency_key,
            leaf=hash_leaf(envelope),
            envelope=envelope,
            sealed=sealed,
            data_key=key.stored,
            kind=draft.kind,
            decision_id=draft.decision_id,
            content_type=draft.content_type,
            intent=draft.intent,
            occurred_at=draft.occurred_at or now,
            recorded_at=now,
        )

    def origin(self, tenant: str, stream: str = "") -> str:
        """Return the log that a record of this moment belongs to."""
        return self._origin(tenant, self._clock.now(), stream)

    def _origin(self, tenant: str, now: datetime, stream: str = "") -> str:
        return log.origin(self._deployment, log.check_tenant(tenant), now, stream)
