"""The witness protocol over HTTP: one path, one method, small bodies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import hdrs, web

from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.recorder.core.witnessing import RefusedError
from services.recorder.witness.cosigner import Witness

LARGEST_BODY = 64 * 1024
"""63 hashes and a checkpoint with many signatures, post-quantum ones too, are less."""
KEEP_OPEN_S = 60.0
SIZE_TYPE, TEXT_TYPE = "text/x.tlog.size", "text/plain; charset=utf-8"

_log = get_logger("recorder.witness", fields=("status", "problem"))
_answers = counter("magistrate_witness_answers_total", "Requests to cosign a checkpoint, by HTTP status", ["status"])


@asynccontextmanager
async def serve_witness(witness: Witness, host: str, port: int) -> AsyncIterator[None]:
    """Answer `POST /add-checkpoint` at this address."""

    async def answer(request: web.Request) -> web.Response:
        response = _answer(witness, await request.read())
        _answers.labels(str(response.status)).inc()
        return response

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post("/add-checkpoint", answer)
    app.on_response_prepare.append(_without_version)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEP_OPEN_S, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def _without_version(_: web.Request, response: web.StreamResponse) -> None:
    """Tell nobody which version of what answers."""
    response.headers[hdrs.SERVER] = "magistrate"


def _answer(witness: Witness, body: bytes) -> web.Response:
    try:
        return _text(web.HTTPOk.status_code, witness.add_checkpoint(body))
    except RefusedError as error:
        _log.warning("refused", status=error.status, problem=str(error))
        if error.size is not None:
            return _text(error.status, f"{error.size}\n", SIZE_TYPE)
        return _text(error.status, f"{error}\n")


def _text(status: int, text: str, content_type: str = TEXT_TYPE) -> web.Response:
    return web.Response(status=status, body=text.encode(), headers={hdrs.CONTENT_TYPE: content_type})
