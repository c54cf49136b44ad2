"""One real decision for whoever has just started the stack."""

import asyncio
from pathlib import Path

from tools.up.processes import python

QUESTION = "Up to what amount may the budget holder approve a purchase?"
_FAILED = 1


async def demonstrate(root: Path) -> None:
    """Make one decision as any user would, and say how to make the next."""
    print(f'\n$ magistrate decide "{QUESTION}"\n', flush=True)
    arguments = ("decide", QUESTION, "--state", str(root))
    process = await asyncio.create_subprocess_exec(*python("tools.cli.main", *arguments))
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code != _FAILED:
        print('\nThe stack goes on serving. Ask your own: magistrate decide "..."', flush=True)
