"""Open the database, listen for readers of tiles."""

from services.chassis.config import load
from services.chassis.postgres import PostgresSettings
from services.chassis.runtime import open_runtime
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.tile_store import PostgresTileStore
from services.recorder.adapters.tokens import JwksDoor
from services.recorder.tiles.access import Access, names
from services.recorder.tiles.app import TileServer
from services.recorder.tiles.config import Config
from services.recorder.tiles.serve import serving

SOCKET = "tiles-http.sock"


async def main(name: str) -> None:
    """Serve tiles until SIGTERM."""
    config, postgres = load(Config), load(PostgresSettings)
    door = JwksDoor(config.jwks_file, issuer=config.issuer, audience=config.audience) if config.jwks_file else None
    async with open_runtime(name) as mesh:
        store = PostgresTileStore(await mesh.enter(open_evidence(postgres)))
        access = Access(door, names(config.public_logs))
        server = TileServer(store, access, checkpoint_max_age_s=config.checkpoint_max_age_s)
        await mesh.enter(serving(server.app(), mesh.run_dir / SOCKET, config.port))
        await mesh.serve([])
