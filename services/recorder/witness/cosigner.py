"""Cosign a checkpoint, or refuse it: the one decision of a witness."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from services.chassis.clock import Clock
from services.recorder.core import note
from services.recorder.core.cosignature import Cosigner, cosign
from services.recorder.core.note import Checkpoint, Holds, Sign
from services.recorder.core.policy import Log
from services.recorder.core.witnessing import FORBIDDEN, NOT_FOUND, RefusedError, Seen, judge, read_submission


class Sighting(Protocol):
    """The last checkpoint of one log, held until it is decided upon."""

    seen: Seen

    def advance(self, checkpoint: Checkpoint) -> None:
        """Remember a newer checkpoint, durably by the end of the hold."""
        ...


class Sightings(Protocol):
    """What a witness has seen."""

    def hold(self, origin: str) -> AbstractContextManager[Sighting]:
        """Hold one log against everybody else; nothing is remembered where the hold ends with an error."""
        ...


class Witness:
    """Answers for the logs that it knows."""

    def __init__(
        self,
        cosigner: Cosigner,
        sign: Sign,
        sightings: Sightings,
        clock: Clock,
        *,
        logs: Callable[[], Sequence[Log]],
        holds: Holds,
    ) -> None:
        self._cosigner, self._sign, self._sightings, self._clock = cosigner, sign, sightings, clock
        self._logs, self._holds = logs, holds

    def add_checkpoint(self, body: bytes) -> str:
        """Return the cosignature line on the checkpoint of a request, after it is remembered.

        Raises:
            RefusedError: with the status of the protocol.
        """
        submission, checkpoint = read_submission(body)
        keys = [log.public_key for log in self._logs() if log.origin == checkpoint.origin]
        if not keys:
            raise RefusedError(NOT_FOUND, "this witness does not know the log")
        if not note.keys_that_signed(submission.note, checkpoint.origin, keys, self._holds):
            raise RefusedError(FORBIDDEN, "the checkpoint is not signed by a key of the log")
        with self._sightings.hold(checkpoint.origin) as sighting:
            judge(submission, checkpoint, sighting.seen)
            sighting.advance(checkpoint)
        # A clock that is wrong spoils the time of the statement, and nothing else: the order is that of the sizes.
        return cosign(note.text_of(submission.note), self._cosigner, self._sign, int(self._clock.now().timestamp()))
