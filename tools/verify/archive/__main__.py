"""`python -m tools.verify.archive FOLDER --key recorder.vkey`: exit 0 verified, 1 not verified, 2 wrong usage."""

import argparse
import sys
from pathlib import Path

from tools.verify.archive.content import in_words
from tools.verify.archive.judge import verify_archive

NOT_VERIFIED = 1


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict in one line, what became of the content in another, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.verify.archive", description="Verify an exported folder of evidence offline."
    )
    parser.add_argument("folder", type=Path, help="what `magistrate export` wrote")
    parser.add_argument("--key", type=Path, required=True, help="file with the log's verifier keys, one on each line")
    parser.add_argument(
        "--kept", type=Path, action="append", default=[], metavar="CHECKPOINT", help="checkpoint that you kept earlier"
    )
    parser.add_argument("--policy", type=Path, help="file with the witnesses that must have seen it (C2SP tlog-policy)")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is not a folder")
    try:
        keys = given.key.read_text(encoding="utf-8")
        kept = [path.read_text(encoding="utf-8") for path in given.kept]
        policy = given.policy.read_text(encoding="utf-8") if given.policy else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    found = verify_archive(given.folder, keys, kept=kept, policy=policy)
    print("verified:" if found.verified else f"NOT verified ({found.damage}):", found.explanation)
    if found.witnesses:
        print("witnesses:", ", ".join(found.witnesses))
    if found.content:
        print("content:", in_words(found.content))
    return 0 if found.verified else NOT_VERIFIED


if __name__ == "__main__":
    sys.exit(main())
