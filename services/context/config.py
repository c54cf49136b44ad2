"""What an operator may set."""

from pathlib import Path

from pydantic import Field

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_CONTEXT_"):
    """Settings of the context service."""

    embedding_threads: int = Field(default=1, ge=1, le=64)
    """Threads of one run of the embedding model."""
    embedding_cache_entries: int = Field(default=2000, ge=1, le=1_000_000)
    """Vectors kept in memory; each is 1.5 kB."""
    embedding_cache_ttl_s: float = Field(default=7200.0, gt=0, le=604_800)
    """Seconds for which a kept vector is used."""
    min_similarity: float = Field(default=0.3, ge=0, le=1)
    """Cosine that a chunk found by meaning alone must have to count as relevant."""
    store_timeout_s: float = Field(default=1.5, gt=0, le=60)
    """Seconds that one question may wait for the knowledge store before the local copy answers."""
    copy_file: Path | None = None
    """SQLite file of the local copies; without one they live in memory and end with the process."""
    copy_retention_s: float = Field(default=86_400.0, gt=0, le=2_592_000)
    """Seconds for which a local copy may stand in for the store."""
