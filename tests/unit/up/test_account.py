"""Root lends PostgreSQL an account that reaches what it needs and nothing else."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.up.account import Account, let_through, owned_folder, reachable_copy, unprivileged
from tools.up.failures import StackError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder below one that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="account") as folder:
        yield Path(folder)


def test_a_reachable_copy_is_made_once(place: Path) -> None:
    """A second start takes what is there."""
    source, copy = place / "source", place / "shared" / "copy"
    source.mkdir()
    (source / "program").write_text("one")

    assert copy == reachable_copy(source, copy)
    (source / "program").write_text("two")
    assert (reachable_copy(source, copy) / "program").read_text() == "one"


@pytest.mark.skipif(os.geteuid() == 0, reason="root has its own promise")
def test_a_user_runs_postgresql_as_himself() -> None:
    """Nothing is changed where nothing needs to be."""
    assert unprivileged() is None


@as_root
def test_the_account_passes_but_sees_nothing(place: Path) -> None:
    """The server gets to its data through a folder that it cannot list."""
    account = _account()
    place.chmod(0o700)
    assert not account.may("-x", place)
    let_through(place, account)
    data = owned_folder(place / "data", account)

    assert account.may("-x", place)
    assert not account.may("-r", place)
    assert account.may("-w", data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@as_root
def test_a_machine_without_an_account_says_which_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure names what would be right."""
    monkeypatch.setattr("tools.up.account.CANDIDATES", ("no-such-account",))
    with pytest.raises(StackError, match="no unprivileged account") as failure:
        unprivileged()

    assert "no-such-account" in failure.value.hint


def _account() -> Account:
    account = unprivileged()
    assert account is not None
    return account
