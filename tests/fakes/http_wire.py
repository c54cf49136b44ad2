"""As much HTTP/1.1 as a fake server needs: read a request, write a reply, keep the connection."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

STREAM_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body as an object."""
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


async def read_call(reader: asyncio.StreamReader) -> Call | None:
    """Return the next request of a connection; None where the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(method=method, path=path, headers=headers, body=body)


def reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole reply."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = (f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items()))
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reply_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole reply whose body is ``value`` in JSON."""
    return reply(json.dumps(value).encode(), status, headers)


def stream_head(content_type: str) -> bytes:
    """Return what stands before a reply of unknown length."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    """Return one piece of a reply of unknown length."""
    return b"%x\r\n%s\r\n" % (len(data), data)
