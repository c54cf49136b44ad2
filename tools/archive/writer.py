"""Lay the pieces of an export out as files."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from magistrate.recorder.v1.recorder_pb2 import (
    BODY_STATE_ERASED,
    BodyState,
    ExportedLog,
    ExportResponse,
    Position,
    Record,
    Tile,
    Witnessed,
)
from tools.archive.files import LongFile, NewFolder
from tools.verify import tlog_proof
from tools.verify.archive import layout
from tools.verify.policy import first_lines

_STATE_PREFIX = "BODY_STATE_"


class ArchiveError(Exception):
    """The export did not come to its end; nothing is left of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a folder holds."""

    origin: str
    tree_size: int
    start: int
    stop: int
    contents: int
    """Records whose content is in it, opened or sealed."""


def write(pieces: Iterable[ExportResponse], target: Path) -> Written:
    """Write an export into the new folder ``target``.

    Raises:
        ArchiveError: the stream has not the form of a whole export.
        FileExistsError: there is something at ``target`` already.
    """
    if target.exists():
        raise FileExistsError(17, "it is there already; an export is never mixed with another", str(target))
    stream = iter(pieces)
    first = next(stream, None)
    if first is None or first.WhichOneof("item") != "log":
        raise ArchiveError("the export did not say which log it is of")
    with NewFolder(target) as folder:
        facts = folder.add_long(layout.CONTENT_FACTS)
        archive = _Archive(folder=folder, log=first.log, facts=facts)
        for piece in stream:
            try:
                archive.add(piece)
            except (ValueError, IndexError) as error:
                raise ArchiveError(f"a piece of the export cannot be laid out: {error}") from error
        archive.finish()
    log = first.log
    return Written(
        origin=log.origin,
        tree_size=log.tree_size,
        start=log.start_index,
        stop=log.end_index,
        contents=archive.contents,
    )


@dataclass(slots=True, kw_only=True)
class _Archive:
    folder: NewFolder
    log: ExportedLog
    facts: LongFile
    contents: int = 0
    _bundle: list[bytes] = field(default_factory=list)
    _signed: bool = False
    _witnessed: Witnessed | None = None

    def add(self, piece: ExportResponse) -> None:
        """Write one piece."""
        if piece.HasField("tile"):
            self._tile(piece.tile)
        elif piece.HasField("records"):
            for record in piece.records.records:
                self._record(record)
        elif piece.HasField("earlier_checkpoint"):
            size = int(piece.earlier_checkpoint.split("\n", 2)[1])
            self.folder.add(layout.earlier_path(size), piece.earlier_checkpoint.encode())
        elif piece.HasField("witnessed"):
            self._witnessed = piece.witnessed
        elif piece.HasField("checkpoint"):
            self._checkpoint(piece.checkpoint)

    def finish(self) -> None:
        """Write what is known at the end.

        Raises:
            ArchiveError: the end did not come.
        """
        if not self._signed or self._bundle:
            raise ArchiveError("the export broke off before its checkpoint")
        self.folder.add(layout.FACTS, json.dumps(_facts(self.log), indent=2).encode() + b"\n")
        self.folder.add(layout.README, layout.README_TEXT.encode())

    def _checkpoint(self, note: str) -> None:
        self._signed = True
        self.folder.add(layout.CHECKPOINT, note.encode())
        if seen := self._witnessed:
            bundle = {
                "envelope": _text(first_lines(note).encode()),
                "index": seen.index,
                "hashes": [_text(item) for item in seen.hashes],
                "checkpoint": seen.checkpoint,
            }
            self.folder.add(layout.WITNESSED, tlog_proof.write(bundle).encode())

    def _tile(self, tile: Tile) -> None:
        width = len(tile.hashes) // layout.HASH_BYTES
        self.folder.add(layout.tile_path(tile.level, tile.number, width), tile.hashes)
        if self._bundle:
            self.folder.add(layout.bundle_path(tile.number, width), b"".join(self._bundle))
            self._bundle.clear()

    def _record(self, record: Record) -> None:
        index, envelope = record.position.index, record.envelope
        self._bundle += [len(envelope).to_bytes(layout.LENGTH_BYTES, "big"), envelope]
        if not self.log.start_index <= index < self.log.end_index:
            return
        self.facts.write(json.dumps(_content_facts(record)).encode() + b"\n")
        if record.commitment_nonce:
            self.folder.add(layout.content_path(index), record.payload)
        if record.sealed_body:
            self.folder.add(layout.sealed_path(index), record.sealed_body)
        self.contents += bool(record.commitment_nonce or record.sealed_body)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _facts(log: ExportedLog) -> dict[str, Any]:
    return {
        "format": "magistrate-evidence-archive/1",
        "origin": log.origin,
        "tree_size": log.tree_size,
        "start_index": log.start_index,
        "end_index": log.end_index,
        "exported_at": log.exported_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds"),
        "verifier_keys": list(log.verifier_keys),
    }


def _content_facts(record: Record) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "index": record.position.index,
        "state": BodyState.Name(record.body_state).removeprefix(_STATE_PREFIX),
    }
    if record.commitment_nonce:
        facts |= {"nonce": record.commitment_nonce.hex(), "file": layout.content_path(record.position.index)}
    if record.sealed_body:
        facts["sealed"] = layout.sealed_path(record.position.index)
    if record.body_state == BODY_STATE_ERASED:
        facts |= {"basis": record.erasure_basis, "erasure": _place(record.erasure)}
    return facts


def _place(position: Position) -> dict[str, Any]:
    return {"origin": position.origin, "index": position.index, "leaf": position.leaf_hash.hex()}
