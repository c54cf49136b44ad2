"""The sample knowledge pack: a small staff handbook, given to a fresh stack through the public API."""

from importlib.resources import as_file, files
from pathlib import Path

from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.ledger import Ledger
from tools.up.part import Part
from tools.up.processes import Command, python, run_to_end

NAME = "handbook"
PACK = "default"
"""Decisions that name no pack use this one."""
PAGES = files("tools.up") / "handbook"
_TRIES = 2
_TRY_S = 40.0
"""A call that got stuck is made once more, which is safe: what was ingested already costs nothing."""


class SamplePack(Part):
    """Ingests the sample once, after every service is ready; a stack that has it keeps what its users made of it."""

    name = NAME
    address = f"pack {PACK}"
    hint = "`magistrate logs context` shows what the context service says; `--no-sample` starts without the pack"

    def __init__(self, folder: Folder, ledger: Ledger, env: dict[str, str], services: tuple[str, ...]) -> None:
        self.after = services
        self._folder = folder
        self._ledger = ledger
        self._env = env

    async def settle(self) -> None:
        """Ingest the pages as any user would."""
        with as_file(PAGES) as pages:
            for _ in range(_TRIES):
                if await run_to_end(self.ingest(pages), self._folder.log(NAME)) == 0:
                    self._ledger.change(sample_ingested=True)
                    return
        raise StackError("the sample knowledge pack could not be ingested")

    def ingest(self, pages: Path) -> Command:
        """Return the command that ingests ``pages``."""
        arguments = ("ingest", str(pages), "--pack", PACK, "--timeout", str(_TRY_S), "--state", str(self._folder.root))
        return Command(argv=python("tools.cli.main", *arguments), env=self._env)
