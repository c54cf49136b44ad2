"""Proof files as text (C2SP tlog-proof, version 1): the index, the path, the signed checkpoint; here with the record.

The record, which a reader needs to know the leaf, travels as the format's extra data. Content does not.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
_EXTRA, _INDEX = "extra ", "index "


def is_proof(text: str) -> bool:
    """Return whether a text says that it is a proof file."""
    return text.split("\n", 1)[0] == HEADER


def write(bundle: Mapping[str, Any]) -> str:
    """Return the proof file of a bundle (see `tools.verify`)."""
    lines = [HEADER, _EXTRA + bundle["envelope"], f"{_INDEX}{bundle['index']}", *bundle["hashes"], "", ""]
    return "\n".join(lines) + str(bundle["checkpoint"])


def read(text: str) -> dict[str, Any]:
    """Return the bundle of a proof file whose extra data is the record.

    Raises:
        ValueError: it has not the form of one; what it says is judged elsewhere.
    """
    head, found, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER or not found:
        raise ValueError("a proof file has a header, an index, hashes, an empty line and a checkpoint")
    extra = lines.pop(0).removeprefix(_EXTRA) if lines and lines[0].startswith(_EXTRA) else ""
    if not lines or not lines[0].startswith(_INDEX):
        raise ValueError("a proof file names its index before its hashes")
    index = lines.pop(0).removeprefix(_INDEX)
    if not index.isascii() or not index.isdigit() or str(int(index)) != index:
        raise ValueError("the index of a proof file is a plain decimal number")
    return {
        "envelope": _base64(extra, "the extra data, which is to be the record,"),
        "index": int(index),
        "tree_size": _size(checkpoint),
        "hashes": [_base64(line, "a hash") for line in lines],
        "checkpoint": checkpoint,
    }


def _base64(text: str, what: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{what} is not base64") from error
    if not raw or base64.b64encode(raw).decode() != text:
        raise ValueError(f"{what} is missing or not in the one form of base64")
    return text


def _size(checkpoint: str) -> int:
    """Return the size that the checkpoint states: a proof file has none of its own."""
    lines = checkpoint.split("\n", 2)
    return int(lines[1]) if len(lines) > 1 and lines[1].isascii() and lines[1].isdigit() else 0
