"""Configuration of the critic."""

from pydantic import Field, field_validator

from services.chassis.config import Settings
from services.critic.core.critics import EDITIONS


class Config(Settings, env_prefix="MAGISTRATE_CRITIC_"):
    """What an operator may set. There is no switch that lets critics see each other, and none that leaves one out."""

    budget_s: float = Field(default=10.0, gt=0.0, le=30.0)
    """Longest time one critic may take for one case; after it the critic counts as unavailable."""
    editions: str = ""
    """Versions of critics that are in force instead of the usual ones, such as ``risk@2``, with commas between them."""

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the versions one by one."""
        return tuple(filter(None, self.editions.split(",")))

    @field_validator("editions")
    @classmethod
    def _exist(cls, value: str) -> str:
        words = [word for word in value.split(",") if word]
        known = [mandate.version for mandate in EDITIONS]
        if unknown := [word for word in words if word not in known]:
            raise ValueError(f"has {unknown[0]}; there are {', '.join(known)}")
        if len({word.partition("@")[0] for word in words}) < len(words):
            raise ValueError("must name each critic once")
        return value
