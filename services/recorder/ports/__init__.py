"""What the recorder needs from the world: a store that is durable, keys for bodies, checkpoints that are signed."""

from services.recorder.ports.erasing import Erased, ErasureStore, Keyring
from services.recorder.ports.keeping import Damage, Damages, LogDamage, Lots, Obligations, OpenLog, OpenLogs, Shelf
from services.recorder.ports.reading import Checkpoints, EvidenceReader, RangeReader
from services.recorder.ports.records import Head, Hits, Query, Sighting, SignedCheckpoint, Stored, Written
from services.recorder.ports.writing import (
    EvidenceWriter,
    LogDivergedError,
    RejectedError,
    StaleKeysError,
    StoreFullError,
)

__all__ = [
    "Checkpoints",
    "Damage",
    "Damages",
    "Erased",
    "ErasureStore",
    "EvidenceReader",
    "EvidenceWriter",
    "Head",
    "Hits",
    "Keyring",
    "LogDamage",
    "LogDivergedError",
    "Lots",
    "Obligations",
    "OpenLog",
    "OpenLogs",
    "Query",
    "RangeReader",
    "RejectedError",
    "Shelf",
    "Sighting",
    "SignedCheckpoint",
    "StaleKeysError",
    "StoreFullError",
    "Stored",
    "Written",
]
