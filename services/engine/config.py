"""What may be configured of the engine."""

from typing import Literal

from pydantic import Field

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_ENGINE_"):
    """The vote on questions of high impact, and the limits of the pipeline's stages in seconds.

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
