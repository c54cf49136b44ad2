"""How much a tenant and each of its users may spend in one UTC day."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one day may have; None is without limit."""

    micro_usd: int | None = None
    tokens: int | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """What a tenant may have, and what each of its users may have of it."""

    tenant: Limit
    user: Limit
    users: Mapping[str, Limit] = field(default_factory=dict)
    """By subject, where not as every other user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The limits that one call must keep."""

    tenant: Limit
    user: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The limits of every tenant (ruling C14, spec row EDG-33)."""

    default: TenantLimits
    tenants: Mapping[str, TenantLimits] = field(default_factory=dict)

    def of(self, tenant: str, subject: str) -> Ceilings:
        """Return what a call of ``subject`` must keep."""
        limits = self.tenants.get(tenant, self.default)
        return Ceilings(tenant=limits.tenant, user=limits.users.get(subject, limits.user))
