"""Configuration of the critic."""

from pydantic import Field

from services.chassis.config import Settings


class Config(Settings, env_prefix="MAGISTRATE_CRITIC_"):
    """What an operator may set. There is no switch that lets critics see each other, and none that leaves one out."""

    budget_s: float = Field(default=10.0, gt=0.0, le=30.0)
    """Longest time one critic may take for one case; after it the critic counts as unavailable."""
