"""Frames: how items follow one another in a file, so that a torn end is seen and nothing before it is lost.

A frame is the length of its content and a CRC-32, four bytes each, big-endian, then the content. The length is part of
what is checked: zeros, which a file system may leave behind after a crash, are no frame. CRC-32 finds what CRC-32C
would, a write that was torn, and is in the standard library.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct(">II")
_TENANT_LENGTH = struct.Struct(">H")
MAX_CONTENT_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message for the other service, and the tenant in whose name it goes."""

    tenant: str
    body: bytes


def write(item: Item) -> bytes:
    """Return the frame of ``item``."""
    tenant = item.tenant.encode()
    content = _TENANT_LENGTH.pack(len(tenant)) + tenant + item.body
    return _HEADER.pack(len(content), _checksum(content)) + content


def read(data: bytes) -> Iterator[Item]:
    """Yield the items up to the first frame that is torn or altered; only the last write before a crash can be."""
    for start, stop in spans(data):
        content = data[start + _HEADER.size : stop]
        body = _TENANT_LENGTH.size + _TENANT_LENGTH.unpack_from(content)[0]
        yield Item(tenant=content[_TENANT_LENGTH.size : body].decode(), body=content[body:])


def spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each whole frame begins and ends."""
    start = 0
    while start + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, start)
        stop = start + _HEADER.size + length
        if length > MAX_CONTENT_BYTES or stop > len(data) or _checksum(data[start + _HEADER.size : stop]) != checksum:
            return
        yield start, stop
        start = stop


def _checksum(content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(len(content).to_bytes(4, "big")))
