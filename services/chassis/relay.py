"""A transactional outbox: what another service must hear is written with its cause and delivered until it is heard.

The table ``outbox`` of the service's schema has the columns ``letter_id``, ``tenant``, ``subject``, ``body``,
``attempts`` and ``due_at``. A letter is taken for a while, delivered, and deleted once it is acknowledged. A process
that dies between leaves it to whoever comes after that while, so that every letter arrives at least once: the receiver
must know a letter by its id. A letter that is refused for good is tried again all the same, rarely: what it says must
not be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from services.chassis import log
from services.chassis.call import SUBJECT_KEY, TENANT_KEY
from services.chassis.errors import CallerError, MeshError
from services.chassis.metrics import counter, gauge
from services.chassis.postgres import guarded

BATCH = 32
"""Letters that are under way at once."""
_TAKE = """
update outbox set attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => $2)
where letter_id in (
    select letter_id from outbox where due_at <= clock_timestamp() order by due_at limit $1 for update skip locked
)
returning letter_id, tenant, subject, body, attempts
"""
_COUNT = "select count(*) from outbox"
_DELIVERED = "delete from outbox where letter_id = any($1)"
_LATER = """
update outbox set due_at = clock_timestamp() + make_interval(secs => l.pause)
from unnest($1::text[], $2::float8[]) as l (letter_id, pause) where outbox.letter_id = l.letter_id
"""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 60.0
_LONGEST_DOUBLING = 16
_REFUSED_PAUSE_S = 600.0
"""After a refusal for good: until somebody mends what the letter needs, such as a model that left the catalogue."""
_DELIVERIES = counter(
    "magistrate_outbox_deliveries_total", "Tries to deliver a letter, by how they ended.", ("box", "outcome")
)
_WAITING = gauge("magistrate_outbox_waiting", "Letters that are not delivered, as this process last saw.", ("box",))
_log = log.get_logger("relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be delivered."""

    letter_id: str
    tenant: str
    subject: str
    """Person whose call caused it; empty where nobody's did."""
    body: bytes
    attempts: int

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what makes a call for this letter one of its tenant and person."""
        known = ((TENANT_KEY, self.tenant), (SUBJECT_KEY, self.subject))
        return tuple((key, value) for key, value in known if value)


class Relay:
    """Delivers the letters of one service, beside its calls.

    Args:
        pool: Connections of the service's own schema.
        deliver: Makes the call; returns once it is acknowledged, raises MeshError.
        box: What the letters are about, for metrics and logs.
        interval_s: Seconds between two looks for letters that other replicas wrote or that are due again.
        lease_s: Seconds for which a letter is taken; longer than a delivery.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        deliver: Callable[[Letter], Awaitable[None]],
        *,
        box: str,
        interval_s: float = 1.0,
        lease_s: float = 10.0,
    ) -> None:
        self._pool = pool
        self._deliver = deliver
        self._box = box
        self._interval_s = interval_s
        self._lease_s = lease_s
        self._written = asyncio.Event()

    def wake(self) -> None:
        """Look at once: a letter was written."""
        self._written.set()

    async def run(self) -> None:
        """Deliver letters as they are written, until cancelled."""
        while True:
            self._written.clear()
            if not await self._passed():
                try:
                    await asyncio.wait_for(self._written.wait(), self._interval_s)
                except TimeoutError:
                    continue

    async def deliver_due(self) -> int:
        """Deliver one batch of letters that are due; return how many there were. Raises WorldError."""
        with guarded():
            taken = [Letter(**row) for row in await self._pool.fetch(_TAKE, BATCH, self._lease_s)]
        if not taken:
            return 0
        failures = await asyncio.gather(*(self._try(letter) for letter in taken))
        ended = list(zip(taken, failures, strict=True))
        delivered = [letter.letter_id for letter, failure in ended if failure is None]
        failed = [(letter, failure) for letter, failure in ended if failure is not None]
        with guarded():
            if delivered:
                await self._pool.execute(_DELIVERED, delivered)
            if failed:
                pauses = [_pause_s(letter, failure) for letter, failure in failed]
                await self._pool.execute(_LATER, [letter.letter_id for letter, _ in failed], pauses)
        return len(taken)

    async def _passed(self) -> bool:
        """Return whether there may be more to deliver at once."""
        try:
            there_is_more = await self.deliver_due() == BATCH
            with guarded():
                _WAITING.labels(self._box).set(await self._pool.fetchval(_COUNT))
        except (MeshError, asyncpg.PostgresError) as error:
            reason = error.reason if isinstance(error, MeshError) else type(error).__name__
            _log.warning("outbox cannot be read", component=self._box, reason=reason)
            return False
        return there_is_more

    async def _try(self, letter: Letter) -> MeshError | None:
        try:
            await self._deliver(letter)
        except MeshError as error:
            _DELIVERIES.labels(self._box, error.reason).inc()
            _log.warning("letter not delivered", component=self._box, reason=error.reason, attempts=letter.attempts)
            return error
        _DELIVERIES.labels(self._box, "delivered").inc()
        return None


def _pause_s(letter: Letter, failure: MeshError) -> float:
    if isinstance(failure, CallerError):
        return _REFUSED_PAUSE_S
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(letter.attempts, _LONGEST_DOUBLING)))
