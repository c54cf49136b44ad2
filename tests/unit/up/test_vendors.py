"""The caller's environment decides which vendors join, and its keys never travel as values."""

import stat
from pathlib import Path

import pytest

from tools.up.failures import StackError
from tools.up.options import Options
from tools.up.vendors import Vendor, enabled_vendors

LOCAL = Vendor(name="local", url="http://127.0.0.1:1")


def _options(tmp_path: Path, *, environment: dict[str, str] | None = None, **urls: str) -> Options:
    options = Options(state=tmp_path / "state", environment=environment or {}, vendor_urls=urls)
    options.folder.create()
    return options


def test_without_keys_the_local_model_serves(tmp_path: Path) -> None:
    """A decision needs no vendor."""
    assert enabled_vendors(_options(tmp_path), LOCAL) == (LOCAL,)


def test_a_key_enables_its_vendor_and_stays_in_a_private_file(tmp_path: Path) -> None:
    """A vendor joins by its key alone; only the owner can read it."""
    environment = {"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": "https://proxy.example/v1"}
    _, openai = enabled_vendors(_options(tmp_path, environment=environment), LOCAL)

    assert openai.name == "openai"
    assert openai.url == "https://proxy.example/v1"
    assert openai.key_file is not None
    assert openai.key_file.read_text() == "sk-secret"
    assert stat.S_IMODE(openai.key_file.stat().st_mode) == 0o600


def test_a_base_url_alone_enables_nothing(tmp_path: Path) -> None:
    """Where a vendor is does not say that it may be used."""
    options = _options(tmp_path, environment={"OPENAI_BASE_URL": "https://proxy.example/v1"})

    assert enabled_vendors(options, LOCAL) == (LOCAL,)


def test_a_placed_vendor_needs_no_key_of_its_own(tmp_path: Path) -> None:
    """Tests point a vendor at a fake; it gets a made-up key, because the adapter asks for one."""
    _, openai = enabled_vendors(_options(tmp_path, openai="http://127.0.0.1:9"), LOCAL)

    assert openai.url == "http://127.0.0.1:9"
    assert openai.key_file is not None
    assert openai.key_file.read_text()


def test_the_local_vendor_can_be_placed_elsewhere(tmp_path: Path) -> None:
    """The local adapter speaks to any server of its wire format."""
    (local,) = enabled_vendors(_options(tmp_path, local="http://127.0.0.1:9"), LOCAL)

    assert local.url == "http://127.0.0.1:9"


def test_a_vendor_without_adapter_is_refused(tmp_path: Path) -> None:
    """A typing error is named instead of ignored."""
    with pytest.raises(StackError, match="no adapter for vendor 'opanai'"):
        enabled_vendors(_options(tmp_path, opanai="http://127.0.0.1:9"), LOCAL)


def test_every_vendor_joins_by_its_variable(tmp_path: Path) -> None:
    """In the default order of preference; Ollama's address may lack its scheme, and it needs no key."""
    environment = {"ANTHROPIC_API_KEY": "sk-ant-secret", "OLLAMA_HOST": "127.0.0.1:11434", "OPENAI_API_KEY": "sk-x"}
    _, ollama, anthropic, openai = enabled_vendors(_options(tmp_path, environment=environment), LOCAL)

    assert (ollama.name, ollama.url, ollama.key_file) == ("ollama", "http://127.0.0.1:11434", None)
    assert (anthropic.name, openai.name) == ("anthropic", "openai")
    assert anthropic.key_file is not None
    assert anthropic.key_file.read_text() == "sk-ant-secret"
    assert stat.S_IMODE(anthropic.key_file.stat().st_mode) == 0o600
