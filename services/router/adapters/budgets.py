"""The limits of a day as a file, checked whole at the start."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.router.adapters.files import ROOM, WrongFileError
from services.router.core.spend.limits import Budgets, Limit, TenantLimits

BUDGETS = ROOM / "budgets.yaml"
LARGEST = 10**15
"""Of any limit: a thousand million dollars, which counters can still hold a thousand times over."""


class LimitEntry(BaseModel):
    """What one UTC day may have; null is without limit, and what is not said stays as it is by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    micro_usd: int | None = Field(default=None, ge=0, le=LARGEST, description="Millionths of a US dollar.")
    tokens: int | None = Field(default=None, ge=0, le=LARGEST, description="Tokens read and written together.")
    requests: int | None = Field(default=None, ge=0, le=LARGEST, description="Calls to models.")


class TenantEntry(LimitEntry):
    """What one tenant may have, and what of it each of its users."""

    user: LimitEntry = Field(default=LimitEntry(), description="Of every user, where not as by default.")
    users: dict[str, LimitEntry] = Field(default_factory=dict, description="By subject, where not as every user.")


class BudgetsFile(BaseModel):
    """What tenants and users may spend in one UTC day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: LimitEntry = Field(description="Of every tenant.")
    user: LimitEntry = Field(description="Of every user of a tenant.")
    tenants: dict[str, TenantEntry] = Field(default_factory=dict, description="By name, where not as every tenant.")


def read_budgets(path: Path) -> Budgets:
    """Return the limits in the YAML file ``path``. Raises WrongFileError."""
    try:
        parsed = BudgetsFile.model_validate(yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise WrongFileError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise WrongFileError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WrongFileError(f"{path}: {place or 'the whole'}: {first['msg']}") from error
    default = TenantLimits(tenant=_limit(parsed.tenant, Limit()), user=_limit(parsed.user, Limit()))
    tenants = {name: _tenant(entry, default) for name, entry in parsed.tenants.items()}
    return Budgets(default=default, tenants=tenants)


def _tenant(entry: TenantEntry, default: TenantLimits) -> TenantLimits:
    user = _limit(entry.user, default.user)
    users = {subject: _limit(own, user) for subject, own in entry.users.items()}
    return TenantLimits(tenant=_limit(entry, default.tenant), user=user, users=users)


def _limit(entry: LimitEntry, default: Limit) -> Limit:
    said = entry.model_fields_set
    return Limit(
        micro_usd=entry.micro_usd if "micro_usd" in said else default.micro_usd,
        tokens=entry.tokens if "tokens" in said else default.tokens,
        requests=entry.requests if "requests" in said else default.requests,
    )
