"""What may be configured of the engine."""

from pydantic import Field

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_ENGINE_"):
    """Limits of the pipeline's stages, in seconds; each also shrinks with the time that the caller gives."""

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
