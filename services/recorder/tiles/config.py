"""What the server of tiles must be told."""

from pathlib import Path

from pydantic import Field

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_TILES_"):
    """Who may read which log's tiles, and where they are served."""

    port: int = Field(default=0, ge=0, le=65535)
    """Loopback port; 0 serves on the unix socket `tiles-http.sock` in the folder of sockets instead."""
    jwks_file: Path | None = None
    """Public keys (JWKS) of the bearer tokens, the same as the edge's: a token opens the logs of its tenant. Without
    it only public logs can be read."""
    issuer: str = "https://magistrate.local/tokens"
    """The `iss` of an accepted token."""
    audience: str = "magistrate"
    """The `aud` of an accepted token."""
    public_logs: str = ""
    """Logs that anybody who reaches the port may read, separated by commas: origins, or beginnings of origins that end
    with "/". None unless told."""
    checkpoint_max_age_s: int = Field(default=1, ge=0, le=60)
    """Seconds for which a cache may keep a checkpoint."""
