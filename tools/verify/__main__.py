"""`python -m tools.verify BUNDLE.json --key recorder.vkey`: exit 0 verified, 1 not verified, 2 wrong usage."""

import argparse
import json
import sys
from pathlib import Path

from tools.verify.bundle import verify

NOT_VERIFIED = 1


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict in one line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description="Verify a piece of evidence offline.")
    parser.add_argument("bundle", type=Path, help="JSON file with the record, its proof and the signed checkpoint")
    parser.add_argument("--key", type=Path, required=True, help="file with the log's verifier key")
    parser.add_argument("--policy", type=Path, help="file with the witnesses that must have seen it (C2SP tlog-policy)")
    given = parser.parse_args(arguments)
    try:
        bundle = json.loads(given.bundle.read_text(encoding="utf-8"))
        vkey = given.key.read_text(encoding="utf-8")
        policy = given.policy.read_text(encoding="utf-8") if given.policy else ""
    except (OSError, ValueError) as error:
        parser.error(str(error))
    result = verify(bundle if isinstance(bundle, dict) else {}, vkey, policy)
    print("verified:" if result.fault is None else f"NOT verified ({result.fault}):", result.explanation)
    return 0 if result.verified else NOT_VERIFIED


if __name__ == "__main__":
    sys.exit(main())
