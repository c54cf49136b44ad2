"""Starts one provider process: config, pool, adapter, servicer, serve."""

import sys

import httpx

from magistrate.provider.v1.provider_pb2_grpc import add_ProviderServiceServicer_to_server
from services.chassis import call
from services.chassis.clock import SystemClock
from services.chassis.config import USAGE, load
from services.chassis.runtime import Registration, open_runtime
from services.provider.adapters import dialect, vendor
from services.provider.adapters.connections import Connections
from services.provider.adapters.transport import Patience, Transport
from services.provider.config import VENDORS, Config
from services.provider.core.book import Book
from services.provider.desk import Desk
from services.provider.servicer import ProviderServicer
from services.topology import BY_NAME


async def main(name: str) -> None:
    """Serve the vendor of the configuration as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    _check_name(name, config)
    clock = SystemClock()
    async with open_runtime(name) as mesh:
        transport = Transport(
            client=await mesh.enter(open_client(config)),
            vendor=config.vendor,
            base_url=config.root,
            key=config.api_key_file.read if config.api_key_file else str,
            patience=Patience(connect_s=config.connect_timeout_s, attempt_s=config.attempt_timeout_s),
            clock=clock,
            remaining_s=call.remaining_s,
            read_codes=dialect.read_codes,
        )
        desk = Desk(
            vendor=vendor.build(config.vendor, transport),
            book=Book(opened_at=clock.now()),
            clock=clock,
            remaining_s=call.remaining_s,
            whole_s=config.attempt_timeout_s,
        )
        servicer = ProviderServicer(desk=desk, default_model=config.default_model, clock=clock)
        await mesh.serve(
            [Registration(add_ProviderServiceServicer_to_server, servicer, "magistrate.provider.v1.ProviderService")]
        )


def _check_name(name: str, config: Config) -> None:
    """End the process with one line where it was started under the name of another vendor's adapter."""
    named = BY_NAME[name].vendor
    if named == config.vendor:
        return
    if named in VENDORS:
        problem = f"MAGISTRATE_PROVIDER_VENDOR={config.vendor} does not fit {name}; right would be {named}"
    else:
        problem = f"{name} has no adapter in this version; there are {', '.join(VENDORS)}"
    sys.stderr.write(f"magistrate: {problem}\n")
    raise SystemExit(USAGE)


def open_client(config: Config) -> httpx.AsyncClient:
    """Return the one keep-alive pool to the vendor."""
    limits = httpx.Limits(max_connections=config.max_connections, max_keepalive_connections=config.max_connections)
    pool = Connections(limits=limits, proxy=config.proxy or None, trust_env=False)
    return httpx.AsyncClient(transport=pool, trust_env=False)
