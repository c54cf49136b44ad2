"""Policies from a folder of YAML files, one policy each, read strictly and once."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from services.chassis.errors import CallerError
from services.evaluator.core.policy import BUILT_IN, NUMBERS, Policy, Shelf, policy


class WrongPolicyError(Exception):
    """A file says no policy; the message says which file and what would be right."""


class _File(BaseModel):
    """What a file may say: see ``Policy`` of the contract."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reference: str
    violation_0_3: float | None = None
    severe_0_3: float | None = None
    average_constrains_0_3: float | None = None
    uncertainty_escalates: float | None = None
    violations_escalate: int | None = None
    opposed_alignment: float | None = None
    overall_escalates: float | None = None
    conflict_escalates: float | None = None
    review_severity_0_3: float | None = None
    review_disagreement: float | None = None
    min_critics: int | None = None


def read_shelf(folder: Path | None, in_force: str) -> Shelf:
    """Return the built-in policies and those of ``folder``, with ``in_force`` in force.

    Raises:
        WrongPolicyError: A file is no policy, two have one name, or the one in force is not there.
    """
    files = sorted(folder.glob("*.yaml")) if folder else []
    try:
        return Shelf([*BUILT_IN, *map(_read, files)], in_force=in_force)
    except CallerError as error:
        raise WrongPolicyError(error.message) from error


def _read(file: Path) -> Policy:
    try:
        told = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        numbers = {name: getattr(told, name) for name in NUMBERS if getattr(told, name) is not None}
        return policy(told.reference, numbers)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise WrongPolicyError(f"{file}: {field}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongPolicyError(f"{file} cannot be read as YAML") from error
    except CallerError as error:
        raise WrongPolicyError(f"{file}: {error.message}") from error
