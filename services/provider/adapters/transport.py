"""HTTP to one vendor: one keep-alive pool, explicit timeouts, and every failure as a MeshError.

The vendor's error text never leaves this file: some vendors repeat the key, or the prompt, in it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import httpx

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.provider.adapters.dialects.fields import read_codes
from services.provider.core import failures
from services.provider.core.keys import Key, Terms

_ERROR_BODY_LIMIT = 65_536
"""Bytes of an error body that are read at most; a vendor's proxy may answer with a whole web page."""
_FIRST_ERROR_STATUS = 400
_ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes of an answer that are read at most: the longest answer of 4000 tokens is far below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds. The remaining deadline of the call wins where it is shorter."""

    connect_s: float
    attempt_s: float
    """For a whole answer, or for the next bytes of a streamed one (spec row PRV-02)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a vendor is spoken to, beside its format."""

    credentials: Callable[[str], dict[str, str]]
    """Return the headers that show a key."""
    ends_streams: bool = False
    """Whether it closes its connection after each stream, whatever its headers promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Requests to one vendor below ``base_url``."""

    client: httpx.AsyncClient
    vendor: str
    base_url: str
    """The API root with its version, ``https://host/v1``, without a slash at the end."""
    manners: Manners
    patience: Patience
    clock: Clock
    remaining_s: Callable[[], float | None]
    """Return what is left of the deadline of the call being served."""

    async def get(self, path: str, key: Key) -> bytes:
        """Return the body of a good reply."""
        return await self._whole("GET", path, None, key)

    async def post(self, path: str, body: bytes, key: Key) -> bytes:
        """Send JSON and return the body of a good reply."""
        return await self._whole("POST", path, body, key)

    async def post_lines(self, path: str, body: bytes, terms: Terms) -> AsyncGenerator[bytes, None]:
        """Send JSON and yield each line of the reply; leaving the loop early closes the connection."""
        with self._translated():
            opened = self._open("POST", path, body, terms, last=self.manners.ends_streams)
            async with opened as reply, aclosing(self._bounded(reply, terms)) as pieces:
                unfinished: list[bytes] = []
                async for piece in pieces:
                    ending, *beginnings = piece.split(b"\n")
                    unfinished.append(ending)
                    for beginning in beginnings:
                        yield b"".join(unfinished)
                        unfinished = [beginning]
                yield b"".join(unfinished)

    async def _whole(self, method: str, path: str, body: bytes | None, key: Key) -> bytes:
        terms = Terms(key=key, until=self.clock.monotonic() + self.patience.attempt_s)
        with self._translated():
            async with self._open(method, path, body, terms) as reply:
                return b"".join([piece async for piece in self._bounded(reply, terms)])

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: bytes | None, terms: Terms, *, last: bool = False
    ) -> AsyncIterator[httpx.Response]:
        # httpx keeps no time but for connecting: its timeout and the end of the call would come in the same moment and
        # cost the connection, see `connections`.
        patience = httpx.Timeout(None, connect=self.patience.connect_s)
        url, headers = self.base_url + path, self._headers(terms.key, last=last)
        request = self.client.build_request(method, url, content=body, headers=headers, timeout=patience)
        async with asyncio.timeout(self._left_s(terms)):
            reply = await self.client.send(request, stream=True)
        try:
            if reply.status_code >= _FIRST_ERROR_STATUS:
                raise self._refusal(reply, await self._error_body(reply, terms))
            yield reply
        finally:
            await reply.aclose()

    async def _bounded(self, reply: httpx.Response, terms: Terms) -> AsyncGenerator[bytes, None]:
        left = _ANSWER_LIMIT
        pieces = aiter(reply.aiter_bytes())
        while True:
            async with asyncio.timeout(self._left_s(terms)):
                piece = await anext(pieces, None)
            if piece is None:
                return
            left -= len(piece)
            if left < 0:
                raise failures.malformed(self.vendor, "more than an answer can be")
            yield piece

    def _headers(self, key: Key, *, last: bool) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if last:
            # A connection that the vendor closes a moment after its stream would take the next call with it.
            headers["connection"] = "close"
        return headers | self.manners.credentials(key.secret) if key.secret else headers

    async def _error_body(self, reply: httpx.Response, terms: Terms) -> bytes:
        """Return what can be read of it: that a vendor refuses is known without."""
        body = b""
        with suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(self._left_s(terms)):
                async for piece in reply.aiter_bytes():
                    body += piece
                    if len(body) > _ERROR_BODY_LIMIT:
                        break
        return body

    def _refusal(self, reply: httpx.Response, body: bytes) -> MeshError:
        return failures.from_status(
            self.vendor,
            reply.status_code,
            codes=read_codes(body),
            retry_after_s=failures.retry_after_s(reply.headers.get("retry-after"), self.clock.now()),
        )

    def _left_s(self, terms: Terms) -> float:
        limits = [self.patience.attempt_s]
        if (remaining := self.remaining_s()) is not None:
            limits.append(remaining)
        if terms.until is not None:
            limits.append(terms.until - self.clock.monotonic())
        return max(0.0, min(limits))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise failures.unreachable(self.vendor) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise failures.timed_out(self.vendor) from error
        except httpx.DecodingError as error:
            raise failures.malformed(self.vendor, "a body that its encoding header does not fit") from error
        except httpx.HTTPError as error:
            raise failures.hung_up(self.vendor) from error
