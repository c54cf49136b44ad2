"""Open some bodies, drawn by lot: each must be readable and be the content that its envelope commits to."""

import asyncio
import json

from services.chassis.errors import Kind, MeshError, WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.chassis.rows import rows_of
from services.recorder.core import body
from services.recorder.core.alarm import damaged_body
from services.recorder.core.custody import BodyState
from services.recorder.core.envelope import commitment
from services.recorder.ports import EvidenceReader, Keyring, Lots, Stored
from services.recorder.writing.intake import Intake

AT_ONCE = 10

_log = get_logger("recorder.sampler", fields=("origin", "index", "problem"))
_sampled = counter("magistrate_recorder_sampled_bodies_total", "Bodies that were opened by lot, by result", ["result"])


class Sampler:
    """The part of the audit that needs the keys of the content, which the publisher does not have."""

    def __init__(
        self, lots: Lots, reader: EvidenceReader, keyring: Keyring, intake: Intake, *, interval_s: float
    ) -> None:
        self._lots, self._reader, self._keyring, self._intake = lots, reader, keyring, intake
        self._interval_s = interval_s

    async def run(self) -> None:
        """Draw every ``interval_s``, for ever."""
        while True:
            try:
                await self.sample()
            except MeshError as error:
                _log.warning("not_sampled", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def sample(self) -> int:
        """Open some bodies; return how many cannot be read and should be.

        Raises:
            MeshError: the store is away.
        """
        damaged = 0
        for head, index in await self._lots.draw(AT_ONCE):
            with rows_of(head.tenant):
                record = await self._reader.record(head, index)
                problem = await self._problem(record) if record else "it is missing"
            _sampled.labels("damaged" if problem else "sound").inc()
            if problem:
                damaged += 1
                await self._tell(head.tenant, head.origin, index, problem)
        return damaged

    async def _problem(self, record: Stored) -> str:
        """Return what is wrong with the body of a record; empty where nothing is."""
        try:
            opened = await self._opened(record)
        except WorldError as error:
            if error.kind is not Kind.INTERNAL:
                raise
            return error.message
        if opened is None:
            return "" if record.body and record.body.state is not BodyState.KEY_MISSING else "its key is missing"
        committed = commitment(*body.split(opened)).hex() == json.loads(record.envelope)["payload"]
        return "" if committed else "it is not what the envelope commits to"

    async def _opened(self, record: Stored) -> bytes | None:
        if record.body is None:
            return None
        return await self._keyring.open(record.body, body.context(record.tenant, record.key))

    async def _tell(self, tenant: str, origin: str, index: int, problem: str) -> None:
        _log.critical("body_cannot_be_read", tenant=tenant, origin=origin, index=index, problem=problem)
        await self._intake.note(damaged_body(tenant, origin, index, problem))
