"""Each service is told exactly what it needs, and no secret stands in its environment."""

from pathlib import Path

import pytest

from services.topology import BY_NAME, SERVICES
from tools.up.folder import Folder
from tools.up.services import Surroundings, mesh_services
from tools.up.surroundings import surroundings
from tools.up.vendors import Vendor

VENDORS = (Vendor(name="local", url="http://127.0.0.1:7", model="smollm2-135m"),)
PORTS = {"postgres": 5001, "valkey": 5002, "tiles": 5003}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a fresh state folder."""
    folder = Folder(root=tmp_path / "state")
    folder.create()
    return folder


@pytest.fixture
def told(folder: Folder) -> Surroundings:
    """Return what the services of one stack are told."""
    base = surroundings({"PATH": "/bin", "OPENAI_API_KEY": "sk-secret"})
    return Surroundings(folder=folder, run_dir=folder.root / "run", ports=PORTS, vendors=VENDORS, base=base)


def test_a_service_with_a_schema_logs_in_as_itself(told: Surroundings, folder: Folder) -> None:
    """No service can read another's tables, because none has another's password."""
    env = told.of(BY_NAME["recorder"])

    assert env["MAGISTRATE_POSTGRES_USER"] == env["MAGISTRATE_POSTGRES_SCHEMA"] == "recorder"
    assert env["MAGISTRATE_POSTGRES_PORT"] == "5001"
    assert env["MAGISTRATE_POSTGRES_PASSWORD_FILE"] == str(folder.secrets / "postgres-recorder")


def test_a_service_without_a_schema_knows_no_database(told: Surroundings) -> None:
    """The critic keeps nothing."""
    assert not any("POSTGRES" in name for name in told.of(BY_NAME["critic"]))


@pytest.mark.spec("EDG-30")
def test_secrets_are_paths(told: Surroundings, folder: Folder) -> None:
    """No environment holds a password, a key or a token."""
    everything = " ".join(value for name in BY_NAME for value in _env(told, name).values())
    secrets = [path.read_text().strip() for path in folder.secrets.iterdir()]

    assert secrets
    assert not [secret for secret in secrets if secret in everything]
    assert "sk-secret" not in everything


def test_the_router_is_told_what_the_local_server_serves(told: Surroundings) -> None:
    """A larger tier is asked for by its own name."""
    env = told.of(BY_NAME["router"])

    assert env["MAGISTRATE_ROUTER_PROVIDERS"] == "local"
    assert env["MAGISTRATE_ROUTER_MODELS"] == "local=smollm2-135m"


def test_only_enabled_providers_start(told: Surroundings, folder: Folder) -> None:
    """An adapter without a vendor would only fail."""
    names = {part.name for part in mesh_services(told, folder.root / "run", VENDORS)}

    assert {"provider-local", "engine", "gate"} <= names
    assert "provider-openai" not in names


def test_callees_stop_after_their_callers(told: Surroundings, folder: Folder) -> None:
    """A draining engine finds its evidence log still open."""
    parts = {part.name: part for part in mesh_services(told, folder.root / "run", VENDORS)}

    assert "engine" in parts["recorder"].stops_after
    assert "router" in parts["provider-local"].stops_after
    assert parts["engine"].stops_after == ()


@pytest.mark.parametrize("service", [s.name for s in SERVICES if s.has_schema])
def test_services_with_a_schema_wait_for_the_database(told: Surroundings, folder: Folder, service: str) -> None:
    """Migrations come before whoever relies on them."""
    parts = {part.name: part for part in mesh_services(told, folder.root / "run", VENDORS)}

    assert "database" in parts[service].after


def test_loopback_is_never_asked_through_a_proxy() -> None:
    """A developer's proxy does not stand between the parts of one machine."""
    env = surroundings({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org"})

    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    assert env["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def _env(told: Surroundings, name: str) -> dict[str, str]:
    service = BY_NAME[name]
    return told.of(service) if service.vendor in {"", *(vendor.name for vendor in VENDORS)} else {}
