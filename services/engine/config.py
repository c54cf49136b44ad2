"""What may be configured of the engine."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_ENGINE_"):
    """The vote on questions of high impact, the limits of the pipeline's stages in seconds, and the policy on evidence.

    Each limit also shrinks with the time that the caller gives.
    """

    high_impact_vote: Literal["none", "unanimous", "majority", "weighted", "confidence"] = "majority"
    """Rule by which several models vote on a question of high impact that names none itself; none asks one model."""
    screen_s: float = Field(default=5.0, gt=0, le=60)
    """Most that screening may take."""
    context_s: float = Field(default=5.0, gt=0, le=60)
    """Most that gathering context may take."""
    route_s: float = Field(default=60.0, gt=0, le=600)
    """Most that generating may take (spec row RTR-04)."""
    review_s: float = Field(default=10.0, gt=0, le=60)
    """Most that the critics may take (spec 2.15)."""
    score_s: float = Field(default=10.0, gt=0, le=60)
    """Most that scoring may take."""
    adjudicate_s: float = Field(default=3.0, gt=0, le=60)
    """Most that the verdict may take (spec 2.15)."""
    record_s: float = Field(default=5.0, gt=0, le=60)
    """Most that recording may take."""
    spool_dir: Path | None = None
    """Folder on this machine's disk for evidence of spooled tenants; none where every tenant is strict."""
    spooled_tenants: str = Field(default="", pattern=r"^([A-Za-z0-9._-]+(,[A-Za-z0-9._-]+)*)?$")
    """Tenants whose answers may be released once their evidence is on this machine's disk, with commas between them."""
    spool_wait_s: float = Field(default=0.5, gt=0, le=60)
    """Seconds that the log has to answer before evidence of a spooled tenant goes to the disk."""
    spool_bytes: int = Field(default=256 << 20, ge=1 << 20)
    """Most that may wait on the disk; beyond it spooled tenants are strict."""
    spool_shards: int = Field(default=4, ge=1, le=64)
    """Parts of the spool, each with files and a sender of its own: tenants of two parts never wait for each other."""

    erasure_grace_s: float = Field(default=65.0, gt=0, le=3600)
    """Seconds after which all owners are asked once more to erase a person: longer than any call may take."""

    @model_validator(mode="after")
    def _spool_has_a_place(self) -> Self:
        if self.spooled_tenants and self.spool_dir is None:
            raise ValueError("spooled_tenants needs spool_dir, a folder that survives the process")
        return self
