"""The keys of the evidence are made once, and missed when they are gone."""

from pathlib import Path

import pytest

from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.signing import SIGNING_KEY, recorder_keys


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return the state of a stack that has its keys."""
    folder = Folder(root=tmp_path / "state")
    folder.create()
    recorder_keys(folder)
    return folder


def test_a_second_start_keeps_the_keys(folder: Folder) -> None:
    """What was signed yesterday verifies today."""
    before = folder.verifier_key.read_bytes()
    folder.verifier_key.unlink()
    recorder_keys(folder)

    assert folder.verifier_key.read_bytes() == before


def test_a_start_without_the_signing_key_is_refused(folder: Folder) -> None:
    """A new key would have the publisher report an altered log, which nothing takes back."""
    before = folder.verifier_key.read_bytes()
    (folder.secrets / SIGNING_KEY).unlink()
    with pytest.raises(StackError, match=SIGNING_KEY) as failure:
        recorder_keys(folder)

    assert "put it back" in failure.value.hint
    assert folder.verifier_key.read_bytes() == before
