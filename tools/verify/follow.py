"""Follow the signing keys of a log from a known one to the newest: each is named in a tree that a known one signed.

The result is a verifier key file that says how far each former key counts: with one that was retired nothing can be
signed any more that is believed.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.verify.bundle import verify
from tools.verify.note import Verifier, is_signed, read_checkpoint, read_keys, read_verifier_key, verifier_key

KIND, EVENT = "KEY", "signing_key_follows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A record that announces a key: from the next size on it signs this log, and no former key does alone."""

    origin: str
    index: int
    public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A log that grows no more, with the key that signed its last checkpoint."""

    origin: str
    size: int
    public_key: bytes


def ending(checkpoint: str, keys: str) -> Ended:
    """Return the end of a log by its last checkpoint, which one of the known ``keys`` has signed.

    Raises:
        ValueError: none of them has.
    """
    tree = read_checkpoint(checkpoint)
    for key in read_keys(keys):
        if is_signed(checkpoint, key):
            return Ended(origin=tree.origin, size=tree.size, public_key=key.public_key)
    raise ValueError(f"the checkpoint of {tree.origin} at size {tree.size} is not signed by a known key")


def sighting(bundle: Mapping[str, Any], keys: str) -> Sighting:
    """Return what a record announces, whose proof one of the known ``keys`` has signed.

    Raises:
        ValueError: the proof does not hold, or the record announces no key.
    """
    result = verify(bundle, keys)
    if not result.verified:
        raise ValueError(result.explanation)
    try:
        fields = json.loads(base64.b64decode(bundle["envelope"]))
        if (fields["kind"], fields["attributes"]["event"]) != (KIND, EVENT):
            raise ValueError("the record is not the announcement of a key")
        key = read_verifier_key(fields["attributes"]["verifier_key"]).public_key
    except (KeyError, TypeError) as error:
        raise ValueError("the record is not the announcement of a key") from error
    return Sighting(origin=result.origin, index=result.index, public_key=key)


def follow(keys: str, sightings: Iterable[Sighting], ended: Iterable[Ended]) -> str:
    """Return the verifier key file with what was announced, the newest key first.

    Args:
        keys: The file as it is.
        sightings: What was announced, in the order of their indexes.
        ended: The logs that grow no more.
    """
    known = [*read_keys(keys)]
    ends = {key.public_key: dict(key.upto or {}) for key in known}
    seen = list(sightings)
    for found in seen:
        if found.public_key not in ends:
            known.insert(0, Verifier(name=known[0].name, public_key=found.public_key))
            ends[found.public_key] = {}
    order = [key.public_key for key in known]
    for found in seen:
        for former in order[order.index(found.public_key) + 1 :][:1]:
            ends[former].setdefault(found.origin, found.index)
    for end in ended:
        if end.public_key != order[0]:
            ends[end.public_key].setdefault(end.origin, end.size)
    return _file(known, ends)


def _file(known: Sequence[Verifier], ends: Mapping[bytes, Mapping[str, int]]) -> str:
    lines = list[str]()
    for key in known:
        lines.append(verifier_key(key.name, key.public_key))
        lines += [f"until {size} {origin}" for origin, size in sorted(ends[key.public_key].items())]
    return "\n".join(lines) + "\n"
