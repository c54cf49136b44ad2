"""The witness protocol over HTTP/1.1: one path, one method, small bodies; h11 keeps the grammar."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import h11

from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.recorder.core.witnessing import RefusedError
from services.recorder.witness.cosigner import Witness

LARGEST_BODY = 64 * 1024
"""63 hashes and a checkpoint with many signatures, post-quantum ones too, are less."""
REQUEST_S = 10.0
CHUNK = 16 * 1024
SIZE_TYPE, TEXT_TYPE = "text/x.tlog.size", "text/plain; charset=utf-8"
PATH = b"/add-checkpoint"
_OK, _NO_PATH, _NO_METHOD, _TOO_LARGE = 200, 404, 405, 413

_log = get_logger("recorder.witness", fields=("status", "problem"))
_answers = counter("magistrate_witness_answers_total", "Requests to cosign a checkpoint, by HTTP status", ["status"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


@asynccontextmanager
async def serve_witness(witness: Witness, host: str, port: int) -> AsyncIterator[asyncio.Server]:
    """Answer `POST /add-checkpoint` at this address."""
    connections = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            connections.add(task)
            task.add_done_callback(connections.discard)
        try:
            with suppress(TimeoutError, OSError, h11.RemoteProtocolError):
                await _Connection(witness, reader, writer).serve()
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port)
    try:
        yield server
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


class _Connection:
    """One client, one request after the other."""

    def __init__(self, witness: Witness, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._witness, self._reader, self._writer = witness, reader, writer
        self._wire = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        """Answer until the client goes or speaks something else."""
        while True:
            async with asyncio.timeout(REQUEST_S):
                request = await self._event()
                if not isinstance(request, h11.Request):
                    return
                body = await self._body()
                await self._send(_answer(self._witness, request, body))
            if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
                return
            self._wire.start_next_cycle()

    async def _event(self) -> object:
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            self._wire.receive_data(await self._reader.read(CHUNK))
        return event

    async def _body(self) -> bytes | None:
        """Return the body; None where it is larger than any that a witness takes."""
        body = b""
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > LARGEST_BODY:
                return None
        return body

    async def _send(self, answer: Answer) -> None:
        content = answer.body.encode()
        headers = [("content-type", answer.content_type), ("content-length", str(len(content)))]
        for event in (
            h11.Response(status_code=answer.status, headers=headers),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            self._writer.write(self._wire.send(event) or b"")
        await self._writer.drain()


def _answer(witness: Witness, request: h11.Request, body: bytes | None) -> Answer:
    if request.target.partition(b"?")[0] != PATH:
        answer = Answer(_NO_PATH, "there is only add-checkpoint here\n")
    elif request.method != b"POST":
        answer = Answer(_NO_METHOD, "add-checkpoint is a POST\n")
    elif body is None:
        answer = Answer(_TOO_LARGE, "the request is larger than any checkpoint with its proof\n")
    else:
        answer = _judged(witness, body)
    _answers.labels(str(answer.status)).inc()
    return answer


def _judged(witness: Witness, body: bytes) -> Answer:
    try:
        return Answer(_OK, witness.add_checkpoint(body))
    except RefusedError as error:
        _log.warning("refused", status=error.status, problem=str(error))
        if error.size is not None:
            return Answer(error.status, f"{error.size}\n", SIZE_TYPE)
        return Answer(error.status, f"{error}\n")
