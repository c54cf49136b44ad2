"""Configuration of the evaluator."""

from pydantic import Field

from services.chassis.config import Settings
from services.evaluator.core.quality import PASS_MARK


class Config(Settings, env_prefix="MAGISTRATE_EVALUATOR_"):
    """What an operator may set."""

    pass_mark: float = Field(default=PASS_MARK, ge=0.0, le=1.0)
    """Weighted quality from which an answer passes, 0-1."""
    embed_timeout_s: float = Field(default=5.0, gt=0.0, le=10.0)
    """Longest wait for embeddings; without them the dimensions that need them are not evaluated."""
    review_timeout_s: float = Field(default=2.0, gt=0.0, le=10.0)
    """Longest wait for a review packet to be stored; without it the execution gate stays closed."""
