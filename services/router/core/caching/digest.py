"""The name of a call: 128 bits over everything that may change its answer (trap T38).

xxHash is fast and spreads well, but nobody promises that two texts with the same hash cannot be made on purpose. So a
name is only where to look; a SHA-256 over the same material, kept with the answer, says whether it is the right one.
"""

import hashlib
from collections.abc import Callable, Iterable

try:
    import xxhash
except ImportError:  # the same behaviour without it, only slower (spec row CCH-02)
    xxhash = None  # type: ignore[assignment]  # absent

Hash = Callable[[bytes], str]
"""Returns 32 hexadecimal digits."""

_NAME_DIGITS = 32
_LENGTH_BYTES = 8


def sha256_128(material: bytes) -> str:
    """Return the first 128 bits of SHA-256."""
    return hashlib.sha256(material).hexdigest()[:_NAME_DIGITS]


def fastest() -> Hash:
    """Return xxh3 with 128 bits, or what stands in for it where it is not installed."""
    return sha256_128 if xxhash is None else xxhash.xxh3_128_hexdigest


def joined(parts: Iterable[str]) -> bytes:
    """Return ``parts`` as bytes that no other parts give: each after its own length."""
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in encoded)
