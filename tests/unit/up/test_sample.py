"""The sample pack is ingested as a user would, and once more where the first call got stuck."""

import sys
from pathlib import Path

import pytest

from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.ledger import Ledger
from tools.up.processes import Command
from tools.up.sample import SamplePack
from tools.up.state import StackRecord

FAIL_ONCE = (
    "from pathlib import Path; import sys; mark = Path(sys.argv[1]); again = mark.exists(); mark.touch();"
    "raise SystemExit(0 if again else 1)"
)


class Fake(SamplePack):
    """A pack whose ingestion is a program of the test."""

    code = ""

    def ingest(self, pages: Path) -> Command:
        """Return the program, which may leave a mark for its next run."""
        return Command(argv=(sys.executable, "-c", self.code, str(self._folder.root / "mark"), str(pages)))


@pytest.fixture
def pack(tmp_path: Path) -> Fake:
    """Return a pack of a fresh state."""
    folder = Folder(root=tmp_path / "state")
    folder.create()
    return Fake(folder, Ledger(folder, StackRecord()), {}, ("context",))


async def test_a_call_that_failed_is_made_once_more(pack: Fake) -> None:
    """One stuck call does not fail the start of a whole stack."""
    pack.code = FAIL_ONCE
    await pack.settle()

    assert pack._ledger.record.sample_ingested


async def test_a_pack_that_cannot_be_ingested_is_said_so(pack: Fake) -> None:
    """The next start tries again."""
    pack.code = "raise SystemExit(1)"
    with pytest.raises(StackError, match="could not be ingested"):
        await pack.settle()

    assert not pack._ledger.record.sample_ingested
