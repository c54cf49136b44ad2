"""Disturb a real recorder at random and judge what is left: ``python -m tools.chaos [--seed N] [--seconds S]``.

It ends with 0 if every promise was kept. Else it says which was broken and keeps the history and the logs.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

# Read when gRPC is first imported: what it says of connections that are cut is no news here.
os.environ["GRPC_VERBOSITY"] = "NONE"

from services.chassis import log
from tools.chaos.history import History
from tools.chaos.plan import Disturbance
from tools.chaos.run import run

SECONDS = 75.0
SEEDS = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run once; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seed", type=int, help="what to repeat; without it, a new one")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"how long to disturb; {SECONDS:.0f} unless told"
    )
    parser.add_argument("--keep", type=Path, default=Path("chaos"), help="folder for the history of a run that failed")
    given = parser.parse_args(arguments)
    seed = secrets.randbelow(SEEDS) if given.seed is None else given.seed
    print(f"seed {seed}, {given.seconds:.0f} s; the same plan again: python -m tools.chaos --seed {seed}", flush=True)
    log.configure("chaos", level="error")
    history, root = History(), Path(tempfile.mkdtemp(prefix="chaos-"))
    root.chmod(0o755)
    try:
        violations = asyncio.run(run(root, seed, given.seconds, history, _say))
        _summarise(history)
        if violations:
            _keep(history, root, given.keep, seed, violations)
        else:
            print("\nnothing was lost, doubled, moved or forked")
        return 1 if violations else 0
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _say(disturbance: Disturbance) -> None:
    print(f"{disturbance.at_s:6.1f} s  {disturbance.kind.value}", flush=True)


def _summarise(history: History) -> None:
    done = sum(history.counts[what] for what in history.counts if what.startswith("over: "))
    refused = sum(count for what, count in history.counts.items() if what.startswith("refused: "))
    print(f"\n{done} disturbances in {time.monotonic() - history.began:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"{len(history.places)} records acknowledged, {history.counts['acknowledged']} times in all")
    print(f"{len(history.promised)} of them through a spool or an outbox; {len(history.erasable)} erased")
    print(f"{refused} refusals that a producer met and waited out")
    for what, count in sorted(history.counts.items()):
        if what.startswith("ended by itself"):
            print(f"{what}: {count}; it was started again")


def _keep(history: History, root: Path, folder: Path, seed: int, violations: list[str]) -> None:
    path = history.keep(folder, seed, violations)
    for said in (*root.glob("logs/*.log"), *root.glob("recorder-*/*.log")):
        shutil.copy(said, folder / f"chaos-{seed}-{said.parent.name}-{said.name}")
    print(f"\nBROKEN: {len(violations)}; the history is in {path}")
    for text in violations[:20]:
        print(f"- {text}")


if __name__ == "__main__":
    sys.exit(main())
