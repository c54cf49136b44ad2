"""One real decision for whoever has just started the stack."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from tools.up.options import DEFAULT_STATE
from tools.up.processes import python

QUESTION = "Up to what amount may the budget holder approve a purchase?"
_FAILED = 1


async def demonstrate(root: Path) -> None:
    """Make one decision as any user would, and say how to make the next."""
    typed = _typed(root)
    print(f'\n$ {typed} "{QUESTION}"\n', flush=True)
    command = python("tools.cli.main", "decide", QUESTION, "--state", str(root))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code != _FAILED:
        print(f'\nThe stack goes on serving. From another shell: {typed} "..."', flush=True)


def _typed(root: Path) -> str:
    """Return the command as it can be typed here: from the path or where it is, with the state if it is not usual."""
    installed = Path(sys.executable).with_name("magistrate")
    nearby = installed.is_relative_to(Path.cwd())
    place = os.path.relpath(installed) if nearby else str(installed)
    program = "magistrate" if shutil.which("magistrate") else place
    return f"{program} decide" if root == DEFAULT_STATE.absolute() else f"{program} decide --state {root}"
