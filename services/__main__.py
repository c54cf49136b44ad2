"""Run one service of the mesh: ``python -m services router``. The only file that knows every service, by name."""

import importlib
import sys

from services import topology
from services.chassis import loop
from services.chassis.errors import MeshError

_FAILURE, _USAGE = 1, 2


def main(arguments: list[str]) -> int:
    """Run the service that ``arguments`` name until it is told to stop; return its exit code."""
    if len(arguments) != 1 or arguments[0] not in topology.BY_NAME:
        sys.stderr.write(f"magistrate: python -m services NAME, where NAME is one of {', '.join(topology.BY_NAME)}\n")
        return _USAGE
    service = topology.BY_NAME[arguments[0]]
    room = importlib.import_module(f"services.{service.room}.main")
    try:
        loop.run(room.main(service.name))
    except MeshError as error:
        sys.stderr.write(f"magistrate: {service.name} cannot run: {error}\n")
        return _FAILURE
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
