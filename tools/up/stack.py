"""The parts of the local stack, callees before callers."""

from services.topology import SERVICES
from tools.certs import Tokens
from tools.up import ports, state
from tools.up.database import Database
from tools.up.envoy import Envoy
from tools.up.ledger import Ledger
from tools.up.model import MODELS, ModelServer
from tools.up.options import LOCAL, Options, enabled_vendors
from tools.up.part import Part
from tools.up.ports import LOOPBACK
from tools.up.postgres import Postgres
from tools.up.services import Surroundings, mesh_services
from tools.up.signing import signing_key
from tools.up.surroundings import surroundings
from tools.up.valkey import Valkey

PORTS = ("edge", "postgres", "valkey", "model", *(service.name for service in SERVICES))
"""The edge, the stores, the model server, and the mutual-TLS ingress of each service."""


def assemble(options: Options, ledger: Ledger) -> tuple[Part, ...]:
    """Return every part of the stack that ``options`` describe, and record what it will look like.

    Raises:
        StackError: A wish cannot be met: a port is in use, an account or a package is missing.
    """
    folder = options.folder
    given = {"edge": options.edge_port} if options.edge_port else {}
    chosen = ports.choose(PORTS, kept=ledger.record.ports, given=given)
    run_dir = state.socket_folder(folder)
    postgres = Postgres(folder, chosen["postgres"])
    model = ModelServer(folder, chosen["model"], options.model)
    vendors = enabled_vendors(options, model_url=model.address, model_key=model.key_file)
    signing_key(folder)
    jwks = Tokens(folder.root).jwks_file
    environment = Surroundings(
        folder=folder,
        run_dir=run_dir,
        ports=chosen,
        vendors=vendors,
        jwks=jwks,
        base=surroundings(options.environment),
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
    return (
        postgres,
        Database(folder, postgres, chosen["postgres"]),
        Valkey(folder, chosen["valkey"]),
        *(() if LOCAL in options.vendor_urls else (model,)),
        Envoy(folder=folder, run_dir=run_dir, ports=chosen, jwks=jwks, vendors=vendors, services=names),
        *services,
    )
