"""Configuration of the evaluator."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.chassis.config import Settings
from services.evaluator.adapters.policies import WrongPolicyError, read_shelf
from services.evaluator.core.policy import STANDARD
from services.evaluator.core.quality import PASS_MARK


class Config(Settings, env_prefix="MAGISTRATE_EVALUATOR_"):
    """What an operator may set."""

    pass_mark: float = Field(default=PASS_MARK, ge=0.0, le=1.0)
    """Weighted quality from which an answer passes, 0-1."""
    embed_timeout_s: float = Field(default=5.0, gt=0.0, le=10.0)
    """Longest wait for embeddings; without them the dimensions that need them are not evaluated."""
    review_timeout_s: float = Field(default=2.0, gt=0.0, le=10.0)
    """Longest wait for a review packet to be stored; without it the execution gate stays closed."""
    policy: str = STANDARD.reference
    """Policy in force, by name and version; a built-in one, or one of policies_dir."""
    policies_dir: Path | None = None
    """Folder of YAML files with further policies, one each. A version that was in force stays there for good."""

    @model_validator(mode="after")
    def _has_its_policies(self) -> Self:
        try:
            read_shelf(self.policies_dir, self.policy)
        except WrongPolicyError as error:
            raise ValueError(str(error)) from error
        return self
