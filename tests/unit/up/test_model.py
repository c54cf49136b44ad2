"""The model server needs its weights, and says which package brings them."""

from pathlib import Path

import pytest

from tools.up import model
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.model import ModelServer, Tier, smollm_weights


def test_the_default_weights_are_installed() -> None:
    """The default model is a GGUF file."""
    with smollm_weights().open("rb") as weights:
        assert weights.read(4) == b"GGUF"


async def test_a_missing_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a model that is not installed learns how to install it."""
    monkeypatch.setattr(model, "_QWEN_PACKAGE", "no-such-package-")
    server = ModelServer(Folder(root=tmp_path), 1, Tier.QWEN, {})
    with pytest.raises(StackError, match="needs the package no-such-package-1") as failure:
        await server.prepare()

    assert "pip install" in failure.value.hint


async def test_the_key_is_no_argument(tmp_path: Path) -> None:
    """A process list shows the path of the key, never the key."""
    folder = Folder(root=tmp_path / "state")
    folder.create()
    server = ModelServer(folder, 1, Tier.SMOLLM, {})
    await server.prepare()

    assert server.key_file.read_text() not in " ".join(server.command().argv)
