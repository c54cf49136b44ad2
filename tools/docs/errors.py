"""The page of error reasons, read from the comments of the contract."""

import re
from pathlib import Path

_VALUE = re.compile(r"((?:^  //[^\n]*\n)+)^  ERROR_REASON_([A-Z_]+) = \d+;", re.MULTILINE)
_CODE = re.compile(r"^\[([A-Z_]+)\] ")


def page(root: Path) -> str:
    """Return the page: each reason with its status code and what it means."""
    source = (root / "protos" / "magistrate" / "common" / "v1" / "error.proto").read_text(encoding="utf-8")
    rows = []
    for comment, name in _VALUE.findall(source):
        text = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
        if code := _CODE.match(text):
            rows.append(f"| `{name}` | {code.group(1)} | {text[code.end() :]} |")
    table = "\n".join(rows)
    return f"""# Error reasons

Every status that is not OK carries `google.rpc.ErrorInfo` with domain `magistrate.dev` and one of these reasons;
`BadRequest` names the fields at fault and `RetryInfo` the wait, where they apply.

| Reason | Status | Meaning |
|---|---|---|
{table}
"""
