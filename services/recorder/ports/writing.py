"""Where records go in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.recorder.core.batch import Entry
from services.recorder.ports.records import Written


class RejectedError(Exception):
    """The store refuses the content of a record, or its log is damaged: repeating the write does not help."""


class StaleKeysError(Exception):
    """A key that seals some record of the batch was destroyed meanwhile: seal anew; nothing is written."""


class StoreFullError(Exception):
    """The store has no room for the write: nothing is written, reads go on."""


class LogDivergedError(Exception):
    """A log moved although it was locked: going on could fork it, so the process must end."""


class EvidenceWriter(Protocol):
    """The write side."""

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write what is new of one tenant's ``entries`` in one transaction and return every key's record after COMMIT.

        Raises:
            WorldError: the store did not answer. The write may have happened: repeat it, the keys decide.
            RejectedError: the store refuses the content of some record; nothing is written.
            StaleKeysError: some record is sealed with a key that is no more; nothing is written.
            StoreFullError: there is no room; nothing is written.
            LogDivergedError: the log would fork.
        """
        ...
