"""A provider process that is told something impossible stops with one line that says what would be right."""

from pathlib import Path

import pytest

from services.chassis.config import load
from services.provider.config import Config
from services.provider.main import main


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Clear what the shell may have set."""
    for name in ("VENDOR", "BASE_URL", "API_KEY_FILE", "MODEL"):
        monkeypatch.delenv(f"MAGISTRATE_PROVIDER_{name}", raising=False)
    return monkeypatch


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """Load, expect the stop, and return the line."""
    with pytest.raises(SystemExit) as stopped:
        load(Config)
    lines = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert len(lines) == 1
    return lines[0]


@pytest.mark.usefixtures("environment")
def test_nothing_set_serves_the_local_model() -> None:
    """The defaults are safe."""
    config = load(Config)
    assert (config.vendor, config.root, config.default_model) == ("local", "http://127.0.0.1:8080/v1", "smollm2-135m")


@pytest.mark.parametrize("vendor", ["nobody", "mistral"])
def test_a_vendor_without_an_adapter_stops_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vendor: str
) -> None:
    """The line names the variable, the value and the vendors that there are."""
    environment.setenv("MAGISTRATE_PROVIDER_VENDOR", vendor)
    line = complaint(capsys)
    assert f"MAGISTRATE_PROVIDER_VENDOR={vendor}" in line
    assert "local, ollama, anthropic, openai" in line


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host:80", "http://", "http://user:secret@host/v1", "https://host/v1?key=secret"]
)
def test_a_base_url_that_is_no_plain_root_stops_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    """A process never starts with an address that would put a secret into its logs."""
    environment.setenv("MAGISTRATE_PROVIDER_BASE_URL", url)
    assert "must be an http or https address" in complaint(capsys)


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("http://127.0.0.1:18085", "http://127.0.0.1:18085/v1"),
        ("http://127.0.0.1:18085/", "http://127.0.0.1:18085/v1"),
        ("http://127.0.0.1:18085/v1/", "http://127.0.0.1:18085/v1"),
        ("https://gateway.example/openai/v1", "https://gateway.example/openai/v1"),
    ],
)
def test_the_version_path_is_added_where_it_is_missing(environment: pytest.MonkeyPatch, given: str, root: str) -> None:
    """Both ways in which people write an API root work."""
    environment.setenv("MAGISTRATE_PROVIDER_BASE_URL", given)
    assert load(Config).root == root


def test_ollama_has_no_version_in_its_paths(environment: pytest.MonkeyPatch) -> None:
    """The address that OLLAMA_HOST gives is the root."""
    environment.setenv("MAGISTRATE_PROVIDER_VENDOR", "ollama")
    environment.setenv("MAGISTRATE_PROVIDER_BASE_URL", "http://127.0.0.1:11434/")
    assert load(Config).root == "http://127.0.0.1:11434"


def test_openai_itself_needs_a_key(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A missing key is found at the start, not at the first question."""
    environment.setenv("MAGISTRATE_PROVIDER_VENDOR", "openai")
    assert "MAGISTRATE_PROVIDER_API_KEY_FILE" in complaint(capsys)

    (tmp_path / "key").write_text("sk-planted-secret-0123456789\n")
    environment.setenv("MAGISTRATE_PROVIDER_API_KEY_FILE", str(tmp_path / "key"))
    config = load(Config)
    assert config.api_key_file is not None
    assert config.api_key_file.read() == "sk-planted-secret-0123456789"
    assert "planted" not in f"{config!r} {config.describe()}"


@pytest.mark.parametrize(
    ("name", "vendor", "told"),
    [
        ("provider-anthropic", "local", "MAGISTRATE_PROVIDER_VENDOR=local does not fit provider-anthropic"),
        ("provider-openai", "local", "MAGISTRATE_PROVIDER_VENDOR=local does not fit provider-openai"),
        ("provider-local", "openai", "MAGISTRATE_PROVIDER_VENDOR=openai does not fit provider-local"),
    ],
)
async def test_a_process_never_serves_one_vendor_under_the_name_of_another(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, vendor: str, told: str
) -> None:
    """Envoy would report the wrong winner; the start stops instead."""
    environment.setenv("MAGISTRATE_PROVIDER_VENDOR", vendor)
    environment.setenv("MAGISTRATE_PROVIDER_BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(SystemExit) as stopped:
        await main(name)

    assert stopped.value.code == 2
    assert told in capsys.readouterr().err
