"""Each service is told exactly what it needs, and no secret stands in its environment."""

from pathlib import Path

import pytest

from services.recorder.core.policy import read_policy
from services.topology import BY_NAME, COMPANIONS, SERVICES
from tools.up.folder import Folder
from tools.up.services import Surroundings, mesh_services
from tools.up.signing import BODY_KEY, SIGNING_KEY, recorder_keys, show_keys, witness_files
from tools.up.surroundings import surroundings
from tools.up.vendors import Vendor
from tools.verify.keys import succeed

BY_COMPANION = {companion.name: companion for companion in COMPANIONS}
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


@pytest.mark.spec("REC-07", "T10")
def test_whoever_signs_is_not_whoever_writes(told: Surroundings, folder: Folder) -> None:
    """The recorder is told of no signing key, the publisher of no key of content, and it enters as itself."""
    recorder, publisher = told.of(BY_NAME["recorder"]), told.beside(BY_COMPANION["publisher"])

    assert str(folder.secrets / SIGNING_KEY) not in recorder.values()
    assert str(folder.secrets / SIGNING_KEY) in publisher.values()
    assert str(folder.secrets / BODY_KEY) not in publisher.values()
    assert (publisher["MAGISTRATE_POSTGRES_USER"], publisher["MAGISTRATE_POSTGRES_SCHEMA"]) == ("publisher", "recorder")


def test_a_witness_starts_where_one_is_asked_for(told: Surroundings, folder: Folder) -> None:
    """Only then the recorder waits for it, the publisher asks it, and it follows every key of the log."""
    recorder_keys(folder)
    without = {part.name for part in mesh_services(told, folder.root / "run", VENDORS)}
    witness_files(folder, 5003)
    parts = {part.name for part in mesh_services(told, folder.root / "run", VENDORS)}
    waits, asks = told.of(BY_NAME["recorder"]), told.beside(BY_COMPANION["publisher"])
    succeed(folder.secrets)
    show_keys(folder)
    follows = read_policy((folder.data("witness") / "logs.policy").read_text())
    policy = read_policy(folder.policy.read_text())

    assert ("publisher" in without, "witness" in without, "witness" in parts) == (True, False, True)
    assert waits["MAGISTRATE_RECORDER_WITNESSED"] == "true"
    assert asks["MAGISTRATE_PUBLISHER_POLICY_FILE"] == str(folder.policy)
    assert (len(follows.logs), policy.witnesses["this-machine"].url) == (2, "http://127.0.0.1:5003")
    witness_files(folder, None)
    assert "MAGISTRATE_RECORDER_WITNESSED" not in told.of(BY_NAME["recorder"])


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
