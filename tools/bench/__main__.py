"""Run the benchmarks that need no data from outside: ``python -m tools.bench [NAME ...]``; without names, all of them.

Those that need a folder of labelled data are programs of their own: ``python -m tools.bench.critics FOLDER`` and
``python -m tools.bench.retrieval FOLDER``.
"""

import argparse
from collections.abc import Callable

from services.chassis import log
from tools.bench import (
    caching,
    champion,
    chassis,
    completion,
    critic,
    deadline,
    decide,
    growth,
    loop,
    recorder,
    replaying,
    router,
    routing_cost,
    tail,
)

BENCHMARKS: dict[str, Callable[[], None]] = {
    "champion": champion.main,
    "chassis": chassis.main,
    "loop": loop.main,
    "critic": critic.main,
    "recorder": recorder.main,
    "growth": growth.main,
    "completion": completion.main,
    "decide": decide.main,
    "deadline": deadline.main,
    "replaying": replaying.main,
    "router": router.main,
    "routing_cost": routing_cost.main,
    "caching": caching.main,
    "tail": tail.main,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the named benchmarks one after the other."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}")
    names = parser.parse_args(arguments).names
    if unknown := ", ".join(name for name in names if name not in BENCHMARKS):
        parser.error(f"there is no {unknown}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        print(f"\n--- {name}", flush=True)
        log.configure("bench", level="error")  # what a service warns of under full load is what is measured here
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
