"""Run one process of the mesh: ``python -m services router``. The only file that knows them all, by name."""

import importlib
import sys

from services import topology
from services.chassis import loop
from services.chassis.errors import MeshError

_FAILURE, _USAGE = 1, 2


def main(arguments: list[str]) -> int:
    """Run the process that ``arguments`` name until it is told to stop; return its exit code."""
    if len(arguments) != 1 or arguments[0] not in topology.PACKAGES:
        sys.stderr.write(f"magistrate: python -m services NAME, where NAME is one of {', '.join(topology.PACKAGES)}\n")
        return _USAGE
    (name,) = arguments
    room = importlib.import_module(f"services.{topology.PACKAGES[name]}.main")
    try:
        loop.run(room.main(name))
    except MeshError as error:
        sys.stderr.write(f"magistrate: {name} cannot run: {error}\n")
        return _FAILURE
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
