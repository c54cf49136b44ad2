"""What a mesh needs to know beside the topology, and the settings that could not work."""

from dataclasses import dataclass
from pathlib import Path

from services import topology
from services.topology import Service


class PlanError(ValueError):
    """A setting that cannot work; the text names the field, the value and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a mesh needs to know beside the topology."""

    run_dir: Path
    """Folder of the unix sockets: ``<service>.sock``, ``<service>-egress.sock`` and ``envoy-admin.sock``."""
    certs_dir: Path
    """Folder of the PKI."""
    providers: tuple[str, ...] = ("local",)
    """The enabled vendors; each ordered list of them can be asked for."""
    hedge_delay_s: float = 10.0
    """How long a provider may stay silent before the next one is asked too (spec row RTR-03)."""
    provider_slots: int = 64
    """How many calls one provider adapter works on at once."""
    services: tuple[Service, ...] = topology.SERVICES
    """The processes of the mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How the edge is entered."""

    jwks_file: Path
    """Public keys that verify bearer tokens."""
    port: int
    host: str = "127.0.0.1"
    require_client_certificate: bool = True
    """Whether a caller must show a certificate of the mesh's authority beside its token."""


def enabled_services(settings: Settings) -> tuple[Service, ...]:
    """Return the processes that run: all services but the adapters of vendors that are not enabled.

    Raises:
        PlanError: A setting cannot work.
    """
    known = [service.vendor for service in settings.services if service.vendor]
    chosen = settings.providers
    if unknown := [vendor for vendor in chosen if vendor not in known]:
        raise PlanError(f"providers = {unknown[0]!r}: must be one of {', '.join(known)}")
    if len(set(chosen)) != len(chosen):
        raise PlanError(f"providers = {','.join(chosen)!r}: must name each vendor once")
    if not 1 <= len(chosen) <= topology.MAX_PROVIDERS:
        raise PlanError(f"providers = {','.join(chosen)!r}: must be 1 to {topology.MAX_PROVIDERS} vendors")
    if settings.hedge_delay_s <= 0:
        raise PlanError(f"hedge_delay_s = {settings.hedge_delay_s}: must be above 0")
    if settings.provider_slots < 1:
        raise PlanError(f"provider_slots = {settings.provider_slots}: must be at least 1")
    return tuple(s for s in settings.services if not s.vendor or s.vendor in chosen)
