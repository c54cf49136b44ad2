"""The development PKI keeps its promises about names, lifetimes, rotation and file access."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from services import topology
from tools.certs import Pki
from tools.certs.identity import OPERATOR, every_identity

START = datetime(2026, 1, 1, tzinfo=UTC)


class SettableClock:
    """A clock that stands until the test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the set time."""
        return self.now


@pytest.fixture
def clock() -> SettableClock:
    """Return a clock at ``START``."""
    return SettableClock()


@pytest.fixture
def pki(tmp_path: Path, clock: SettableClock) -> Pki:
    """Return a created PKI."""
    pki = Pki(tmp_path, now=clock)
    pki.create()
    return pki


def leaf(pki: Pki, identity: str) -> x509.Certificate:
    """Return the leaf that ``identity`` shows."""
    return x509.load_pem_x509_certificate((pki.certs / identity / "tls.crt").read_bytes())


def trusted(pki: Pki, identity: str) -> list[x509.Certificate]:
    """Return the roots that ``identity`` trusts."""
    return x509.load_pem_x509_certificates((pki.certs / identity / "ca.crt").read_bytes())


def accepted(certificate: x509.Certificate, roots: list[x509.Certificate]) -> bool:
    """Tell whether one of ``roots`` signed ``certificate``."""
    for root in roots:
        try:
            certificate.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


@pytest.mark.spec("EDG-01")
@pytest.mark.parametrize("identity", every_identity())
def test_each_identity_carries_its_spiffe_id_and_host_name(pki: Pki, identity: str) -> None:
    """Every service, the edge and the operator get a leaf with exactly one SPIFFE id and their host name."""
    names = leaf(pki, identity).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [topology.spiffe_id(identity)]
    assert names.get_values_for_type(x509.DNSName)[0] == f"{identity}.magistrate"
    assert accepted(leaf(pki, identity), trusted(pki, identity))


def test_only_the_edge_answers_to_loopback_names(pki: Pki) -> None:
    """A caller on this machine reaches the edge as localhost; no other leaf can pose as it."""

    def hosts(identity: str) -> list[str]:
        names = leaf(pki, identity).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]

    assert hosts("edge") == ["edge.magistrate", "localhost", "127.0.0.1", "::1"]
    assert hosts(OPERATOR) == ["operator.magistrate"]


def test_everything_is_readable_by_the_owner_only(pki: Pki) -> None:
    """No file or folder of the PKI lets group or others in."""
    open_to_others = [p for p in pki.certs.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o077]

    assert open_to_others == []


@pytest.mark.spec("EDG-32")
def test_rotation_replaces_each_leaf_and_keeps_the_authority(pki: Pki) -> None:
    """A rotation leaves no old leaf behind and changes no root."""
    before = {identity: leaf(pki, identity).serial_number for identity in every_identity()}
    roots = trusted(pki, "engine")
    pki.rotate()

    assert all(leaf(pki, identity).serial_number != serial for identity, serial in before.items())
    assert trusted(pki, "engine") == roots


@pytest.mark.spec("EDG-32", "OPS-23")
def test_a_rollover_never_shows_what_the_other_side_distrusts(pki: Pki) -> None:
    """At each step of a rollover every leaf is accepted by the roots that everyone trusts before and after the step."""
    generations = [(leaf(pki, "engine"), trusted(pki, "engine"))]
    for step in (pki.begin_rollover, pki.rotate, pki.finish_rollover):
        step()
        generations.append((leaf(pki, "engine"), trusted(pki, "engine")))

    for (old_leaf, old_roots), (new_leaf, new_roots) in pairwise(generations):
        assert accepted(new_leaf, old_roots)
        assert accepted(old_leaf, new_roots)
    assert not accepted(generations[0][0], generations[-1][1])
    assert [len(roots) for _, roots in generations] == [1, 2, 2, 1]


def test_rollover_waits_between_its_steps(pki: Pki) -> None:
    """Envoy gets time to read the bundle and then the leaves; nothing waits after the last step."""
    waits: list[float] = []
    pki.rollover(settle_s=3.0, wait=waits.append)

    assert waits == [3.0, 3.0]


def test_a_leaf_is_due_at_half_of_its_life(pki: Pki, clock: SettableClock) -> None:
    """The next rotation is the half life of the oldest leaf."""
    first = pki.next_rotation()
    clock.now += timedelta(minutes=10)
    pki.issue(["engine"])

    assert first == pki.next_rotation()
    assert timedelta(minutes=20) < first - START < timedelta(minutes=31)


def test_a_start_repeats_safely_and_keeps_the_authority(pki: Pki) -> None:
    """A second start trusts the same root."""
    roots = trusted(pki, "engine")
    pki.create()

    assert trusted(pki, "engine") == roots


def test_a_start_ends_an_interrupted_rollover(pki: Pki, tmp_path: Path) -> None:
    """After a crash between the steps, the next start leaves one root and leaves of it."""
    pki.begin_rollover()
    restarted = Pki(tmp_path, now=lambda: START)
    restarted.create()

    assert len(trusted(restarted, "engine")) == 1
    assert accepted(leaf(restarted, "engine"), trusted(restarted, "engine"))


def test_an_old_authority_is_replaced_at_start(pki: Pki, clock: SettableClock) -> None:
    """A start after half of the authority's life makes a new one."""
    roots = trusted(pki, "engine")
    clock.now += timedelta(days=46)
    pki.create()

    assert trusted(pki, "engine") != roots


def test_old_versions_do_not_pile_up(pki: Pki) -> None:
    """Each identity folder holds one version, its link and the visible names."""
    for _ in range(3):
        pki.rotate()

    assert len(list((pki.certs / "engine").iterdir())) == 5


def test_envoy_reads_what_python_reads(pki: Pki) -> None:
    """After each change the discovery files carry the same leaf, key and roots as the identity's folder."""

    def secret(name: str) -> dict[str, dict[str, dict[str, str]]]:
        resource: dict[str, dict[str, dict[str, str]]]
        (resource,) = yaml.safe_load((pki.certs / "sds" / f"engine_{name}.yaml").read_text())["resources"]
        return resource

    for step in (pki.rotate, pki.begin_rollover, pki.rotate, pki.finish_rollover):
        step()
        home = pki.certs / "engine"
        leaf, ca = secret("leaf")["tls_certificate"], secret("ca")["validation_context"]

        assert leaf["certificate_chain"]["inline_string"] == (home / "tls.crt").read_text()
        assert leaf["private_key"]["inline_string"] == (home / "tls.key").read_text()
        assert ca["trusted_ca"]["inline_string"] == (home / "ca.crt").read_text()
