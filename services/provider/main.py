"""Starts one provider process: config, pool, adapter, servicer, serve."""

import random
import sys

import httpx

from magistrate.provider.v1.provider_pb2_grpc import add_ProviderServiceServicer_to_server
from services.chassis import call
from services.chassis.clock import SystemClock
from services.chassis.config import USAGE, load
from services.chassis.runtime import Registration, open_runtime
from services.provider.adapters import vendor
from services.provider.adapters.connections import Connections
from services.provider.adapters.key_file import KeyFile
from services.provider.adapters.transport import Patience, Transport
from services.provider.batch import Batch
from services.provider.config import Config
from services.provider.core.book import Book
from services.provider.core.keys import KeyRing
from services.provider.desk import Desk
from services.provider.servicer import ProviderServicer
from services.provider.telemetry import Meter
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
            manners=vendor.MANNERS[config.vendor],
            patience=Patience(connect_s=config.connect_timeout_s, attempt_s=config.attempt_timeout_s),
            clock=clock,
            remaining_s=call.remaining_s,
        )
        desk = Desk(
            vendor=vendor.build(transport),
            keys=KeyFile(file=config.api_key_file, clock=clock),
            ring=KeyRing(config.vendor, config.key_rules),
            book=Book(opened_at=clock.now()),
            meter=Meter(provider=config.vendor, window_s=config.key_window_s),
            clock=clock,
            remaining_s=call.remaining_s,
            whole_s=config.attempt_timeout_s,
            draw=random.random,
        )
        desk.show_keys()
        servicer = ProviderServicer(
            desk=desk,
            default_model=config.default_model,
            clock=clock,
            batch=Batch(at_once=config.batch_concurrency),
        )
        await mesh.serve(
            [Registration(add_ProviderServiceServicer_to_server, servicer, "magistrate.provider.v1.ProviderService")]
        )


def _check_name(name: str, config: Config) -> None:
    """End the process with one line where it was started under the name of another vendor's adapter."""
    named = BY_NAME[name].vendor
    if named == config.vendor:
        return
    problem = f"MAGISTRATE_PROVIDER_VENDOR={config.vendor} does not fit {name}; right would be {named}"
    sys.stderr.write(f"magistrate: {problem}\n")
    raise SystemExit(USAGE)


def open_client(config: Config) -> httpx.AsyncClient:
    """Return the one keep-alive pool to the vendor."""
    limits = httpx.Limits(max_connections=config.max_connections, max_keepalive_connections=config.max_connections)
    pool = Connections(limits=limits, proxy=config.proxy or None, trust_env=False)
    return httpx.AsyncClient(transport=pool, trust_env=False)
