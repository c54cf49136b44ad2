"""The engine does not start with a policy that it cannot keep."""

from pathlib import Path

import pytest

from services.chassis.config import load
from services.engine.config import Config


def test_spooled_tenants_need_a_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy without a folder stops the start with what is missing."""
    monkeypatch.delenv("MAGISTRATE_ENGINE_SPOOL_DIR", raising=False)
    monkeypatch.setenv("MAGISTRATE_ENGINE_SPOOLED_TENANTS", "acme,other")

    with pytest.raises(SystemExit, match="2"):
        load(Config)
    assert "needs spool_dir" in capsys.readouterr().err


def test_tenants_by_comma(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A list with a hole in it is refused."""
    monkeypatch.setenv("MAGISTRATE_ENGINE_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("MAGISTRATE_ENGINE_SPOOLED_TENANTS", "acme,,other")

    with pytest.raises(SystemExit, match="2"):
        load(Config)
