"""`python -m tools.verify FILE --key recorder.vkey`: exit 0 verified, 1 not verified, 2 wrong usage.

FILE is a bundle in JSON, or a proof file (C2SP tlog-proof) with the record as its extra data.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tools.verify import tlog_proof
from tools.verify.bundle import verify

NOT_VERIFIED = 1


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict in one line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description="Verify a piece of evidence offline.")
    parser.add_argument("file", type=Path, help="bundle or .tlog-proof: record, proof and signed checkpoint")
    parser.add_argument("--key", type=Path, required=True, help="file with the log's verifier key")
    parser.add_argument("--policy", type=Path, help="file with the witnesses that must have seen it (C2SP tlog-policy)")
    given = parser.parse_args(arguments)
    try:
        bundle = _read(given.file.read_text(encoding="utf-8"))
        vkey = given.key.read_text(encoding="utf-8")
        policy = given.policy.read_text(encoding="utf-8") if given.policy else None
    except (OSError, ValueError, RecursionError) as error:
        parser.error(str(error))
    result = verify(bundle, vkey, policy)
    print("verified:" if result.fault is None else f"NOT verified ({result.fault}):", result.explanation)
    return 0 if result.verified else NOT_VERIFIED


def _read(text: str) -> dict[str, Any]:
    if tlog_proof.is_proof(text):
        return tlog_proof.read(text)
    bundle = json.loads(text)
    return bundle if isinstance(bundle, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
