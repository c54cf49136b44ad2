"""The page of methods, read from the topology."""

from pathlib import Path

from services.pending import PENDING
from services.topology import SERVICES, Rpc, Service, methods, path


def page(_: Path) -> str:
    """Return the page: who may call which method, for how long, and what is still to come."""
    sections = "\n".join(_section(service) for service in SERVICES if not service.vendor or service.vendor == "local")
    return f"""# Methods

Who may call what. Mesh callers are proven by their certificate (SPIFFE id), outside roles by the token; Envoy refuses
everybody else with `CALLER_NOT_ALLOWED`, the gate with `ROLE_NOT_ALLOWED`. A call without a deadline gets the default;
one with a longer deadline gets the cap.

{sections}
"""


def _section(service: Service) -> str:
    rows = "\n".join(_row(path(rpc_service, rpc), rpc) for rpc_service, rpc in methods(service))
    title = "provider (one process a vendor)" if service.vendor else service.name
    return f"""## {title}

| Method | Mesh callers | Outside roles | Default | Cap | Note |
|---|---|---|---|---|---|
{rows}
"""


def _row(method: str, rpc: Rpc) -> str:
    callers = ", ".join(rpc.callers) or "none"
    roles = ", ".join(rpc.roles) or "none"
    return (
        f"| `{method[1:]}` | {callers} | {roles} | {rpc.default_s:g} s | {rpc.cap_s:g} s | {PENDING.get(method, '')} |"
    )
