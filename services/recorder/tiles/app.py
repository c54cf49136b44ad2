"""The HTTP face of the tiles: three kinds of resource, GET and HEAD, nothing else."""

import gzip

from aiohttp import hdrs, web

from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.recorder.core.resource import Part, parse
from services.recorder.tiles.access import Access, Verdict
from services.recorder.tiles.ports import PublishedLog, TileStore

TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
FOR_EVER = "max-age=31536000, immutable"
"""A tile never changes, not even a partial one: its width is part of its address."""
COMPRESSED_FROM_BYTES = 1024
_CHECKPOINT = "checkpoint"
_TILE = "tile/"

_log = get_logger("recorder.tiles")
_served = counter(
    "magistrate_tiles_requests_total", "Requests for tiles, by what was asked for and the status", ["kind", "status"]
)


class TileServer:
    """Answers for the tiles of every log that has a checkpoint."""

    def __init__(self, store: TileStore, access: Access, *, checkpoint_max_age_s: int) -> None:
        self._store, self._access = store, access
        self._checkpoint_max_age_s = checkpoint_max_age_s

    def app(self) -> web.Application:
        """Return the application; aiohttp answers other methods with 405 by itself."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        app.on_response_prepare.append(_without_version)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        origin, name = _split(request.match_info["path"])
        kind = "checkpoint" if name == _CHECKPOINT else "tile"
        try:
            response = await self._resource(request, origin, name)
        except MeshError as error:
            _log.warning("tile_failed", reason=error.reason)
            response = web.Response(status=503, headers={hdrs.RETRY_AFTER: "1", **_private()})
        except web.HTTPException as refusal:
            refusal.headers.update(_private())
            _served.labels(kind, str(refusal.status)).inc()
            raise
        _served.labels(kind, str(response.status)).inc()
        return response

    async def _resource(self, request: web.Request, origin: str, name: str) -> web.Response:
        part = None if name == _CHECKPOINT else parse(name)
        if not origin or (part is None and name != _CHECKPOINT):
            raise web.HTTPNotFound
        log = await self._store.published(origin)
        verdict = self._access.judge(origin, log, request.headers.get(hdrs.AUTHORIZATION, ""))
        if verdict is Verdict.STRANGER:
            raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
        if verdict is Verdict.ABSENT or log is None:
            raise web.HTTPNotFound
        return self._checkpoint(log) if part is None else await self._part(request, log, part)

    def _checkpoint(self, log: PublishedLog) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: TEXT, hdrs.CACHE_CONTROL: f"max-age={self._checkpoint_max_age_s}"}
        return web.Response(body=log.checkpoint.encode(), headers=headers)

    async def _part(self, request: web.Request, log: PublishedLog, part: Part) -> web.Response:
        content = await self._store.part(log, part) if part.covered(log.size) else None
        if content is None:
            raise web.HTTPNotFound
        headers = {hdrs.CONTENT_TYPE: BYTES, hdrs.CACHE_CONTROL: FOR_EVER}
        if part.is_bundle:
            headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if part.is_bundle and len(content) >= COMPRESSED_FROM_BYTES and _takes_gzip(request):
            content, headers[hdrs.CONTENT_ENCODING] = gzip.compress(content, mtime=0), "gzip"
        return web.Response(body=content, headers=headers)


async def _without_version(_: web.Request, response: web.StreamResponse) -> None:
    """Tell nobody which version of what answers."""
    response.headers[hdrs.SERVER] = "magistrate"


def _split(path: str) -> tuple[str, str]:
    """Return the origin and the name of the resource; both empty where the path has neither."""
    if path.endswith("/" + _CHECKPOINT):
        return path.removesuffix("/" + _CHECKPOINT), _CHECKPOINT
    origin, found, name = path.rpartition("/" + _TILE)
    return (origin, _TILE + name) if found else ("", "")


def _private() -> dict[str, str]:
    return {hdrs.CACHE_CONTROL: "no-store"}


def _takes_gzip(request: web.Request) -> bool:
    accepted = request.headers.get(hdrs.ACCEPT_ENCODING, "")
    codings = {coding.split(";")[0].strip(): coding for coding in accepted.lower().split(",")}
    return "gzip" in codings and "q=0" not in codings["gzip"].replace(" ", "").split(";")
