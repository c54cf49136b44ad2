"""Print or write a proxy's configuration: ``python -m tools.envoy sidecar router --certs DIR --run DIR``."""

import argparse
import sys
from pathlib import Path

from tools.envoy.bootstrap import render
from tools.envoy.model import Mesh
from tools.envoy.plan import edge_mesh, local_mesh, sidecar_mesh
from tools.envoy.settings import Door, PlanError, Settings
from tools.envoy.write import to_yaml, write


def main() -> None:
    """Render what the arguments ask for; a setting that cannot work ends with one line and status 2."""
    options = _parse()
    try:
        config = render(_plan(options))
    except PlanError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)
    if options.out:
        write(config, options.out)
    else:
        sys.stdout.write(to_yaml(config))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.envoy", description="Render Envoy's configuration.")
    parser.add_argument("kind", choices=("local", "sidecar", "edge"))
    parser.add_argument("service", nargs="?", default="", help="the service of a sidecar")
    parser.add_argument("--run", type=Path, required=True, help="folder of the unix sockets")
    parser.add_argument("--certs", type=Path, required=True, help="folder of the PKI")
    parser.add_argument("--jwks", type=Path, default=Path("jwks.json"), help="public keys of the bearer tokens")
    parser.add_argument("--edge-port", type=int, default=8443)
    parser.add_argument("--providers", default="local", help="enabled vendors, joined by commas")
    parser.add_argument("--out", type=Path, help="write here instead of to standard output")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Mesh:
    settings = Settings(run_dir=options.run, certs_dir=options.certs, providers=tuple(options.providers.split(",")))
    if options.kind == "sidecar":
        return sidecar_mesh(settings, options.service)
    door = Door(jwks_file=options.jwks, port=options.edge_port)
    if options.kind == "local":
        return local_mesh(settings, door)
    return edge_mesh(settings, Door(jwks_file=options.jwks, port=options.edge_port, host="0.0.0.0"))  # noqa: S104


if __name__ == "__main__":
    main()
