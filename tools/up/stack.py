"""The parts of the local stack, callees before callers."""

from services.topology import SERVICES
from tools.certs import Tokens
from tools.up import ports, state
from tools.up.database import Database
from tools.up.envoy import Envoy
from tools.up.ledger import Ledger
from tools.up.model import MODELS, ModelServer
from tools.up.options import Options
from tools.up.part import Part
from tools.up.ports import LOOPBACK
from tools.up.postgres import Postgres
from tools.up.sample import SamplePack
from tools.up.services import TILES, Surroundings, mesh_services
from tools.up.signing import WITNESS, recorder_keys, witness_files
from tools.up.surroundings import surroundings
from tools.up.valkey import Valkey
from tools.up.vendors import LOCAL, Vendor, enabled_vendors

PORTS = ("edge", "postgres", "valkey", "model", TILES, WITNESS, *(service.name for service in SERVICES))
"""The edge, the stores, the model server, the log's tiles, the witness, and the mutual-TLS ingress of each service."""


def assemble(options: Options, ledger: Ledger) -> tuple[Part, ...]:
    """Return every part of the stack that ``options`` describe, and record what it will look like.

    Raises:
        StackError: A wish cannot be met: a port is in use, an account or a package is missing.
    """
    folder = options.folder
    given = {"edge": options.edge_port} if options.edge_port else {}
    chosen = ports.choose(PORTS, kept=ledger.record.ports, given=given)
    run_dir = state.socket_folder(folder)
    base = surroundings(options.environment)
    postgres = Postgres(folder, chosen["postgres"])
    model = ModelServer(folder, chosen["model"], options.model, base)
    local = Vendor(name=LOCAL, url=model.address, key_file=model.key_file, model=MODELS[options.model].alias)
    vendors = enabled_vendors(options, local)
    recorder_keys(folder)
    witness_files(folder, chosen[WITNESS] if options.witness else None)
    jwks = Tokens(folder.root).jwks_file
    environment = Surroundings(
        folder=folder,
        run_dir=run_dir,
        ports=chosen,
        vendors=vendors,
        base=base,
    )
    ledger.change(
        run_dir=str(run_dir),
        ports=chosen,
        edge=f"{LOOPBACK}:{chosen['edge']}",
        model=MODELS[options.model].alias,
        providers=tuple(vendor.name for vendor in vendors),
    )
    services = mesh_services(environment, run_dir, vendors)
    names = tuple(service.name for service in services)
    foundation: tuple[Part, ...] = (
        postgres,
        Database(folder, postgres, chosen["postgres"]),
        Valkey(folder, chosen["valkey"]),
        *(() if LOCAL in options.vendor_urls else (model,)),
        Envoy(folder=folder, run_dir=run_dir, ports=chosen, jwks=jwks, vendors=vendors),
    )
    for part in foundation:
        part.stops_after = names
    fresh = options.sample and not ledger.record.sample_ingested
    return (*foundation, *services, *((SamplePack(folder, ledger, base, names),) if fresh else ()))
