"""Run the checks: ``python -m tools.check [NAME ...]``; without names, all of them."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tools.check.suite import CHECKS, Check, Outcome


def main(names: list[str]) -> int:
    """Run the named checks two at a time; print each as it ends, then the output of those that failed."""
    unknown = set(names) - {check.name for check in CHECKS}
    if unknown:
        sys.stderr.write(
            f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in CHECKS)}\n"
        )
        return 2
    wanted = [check for check in CHECKS if not names or check.name in names]
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = list(pool.map(_run, wanted))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        sys.stdout.write(f"\n--- {outcome.name}\n{outcome.output}\n")
    took = time.monotonic() - began
    sys.stdout.write(f"\n{len(outcomes) - len(failed)} of {len(outcomes)} checks passed in {took:.0f} s\n")
    return 1 if failed else 0


def _run(check: Check) -> Outcome:
    began = time.monotonic()
    outcome = check.run()
    mark = "ok    " if outcome.passed else "FAILED"
    sys.stdout.write(f"{mark} {check.name:<12} {time.monotonic() - began:5.1f} s  {check.promise}\n")
    sys.stdout.flush()
    return outcome


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
