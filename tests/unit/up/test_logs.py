"""Logs are read from their end, and do not grow for ever."""

from pathlib import Path

import pytest

from tools.up import logs
from tools.up.logs import roll, tail


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    """A long log is not read from its start; a missing one has no lines."""
    log = tmp_path / "log"
    log.write_text("\n".join(map(str, range(100_000))))

    assert tail(log, 2) == ("99998", "99999")
    assert tail(tmp_path / "none", 2) == ()
    assert tail(log, 9, since=log.stat().st_size - len("99999")) == ("99999",)


def test_a_large_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that starts finds a fresh log; the last one is kept, older ones are not."""
    monkeypatch.setattr(logs, "ROLL_BYTES", 3)
    log = tmp_path / "engine.log"
    for text in ("first", "second"):
        log.write_text(text)
        roll(log)

    assert not log.exists()
    assert (tmp_path / "engine.log.1").read_text() == "second"


def test_a_small_log_goes_on(tmp_path: Path) -> None:
    """A restart appends to what was said before."""
    (tmp_path / "engine.log").write_text("said")
    roll(tmp_path / "engine.log")

    assert (tmp_path / "engine.log").read_text() == "said"
