"""Who may call whom: certificates, identities and caller lists, against the real Envoy."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from grpc import aio

from services import topology
from tests.fakes.backend import HEALTH_PATH
from tests.fakes.mesh import ALL_VENDORS, GENERATE, FakeMesh, ask, order, reason, unary
from tools.certs import Pki
from tools.certs.identity import alternative_names, every_identity
from tools.certs.sds import write_sds

DECIDE = "/magistrate.engine.v1.EngineService/Decide"


async def refused(channel: aio.Channel, path: str) -> aio.AioRpcError:
    """Return the error of a call that must fail."""
    async with channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, path)
    return caught.value


async def assert_handshake_fails(mesh: FakeMesh, channel: aio.Channel) -> None:
    """Assert that no call over ``channel`` reaches any service, because the connection itself is refused."""
    error = await refused(channel, HEALTH_PATH)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(error) == ""
    assert not any(backend.seen for backend in mesh.backends.values())


@pytest.mark.spec("EDG-01")
@pytest.mark.parametrize("way", ["its own egress", "straight to the ingress"])
async def test_the_evaluator_may_not_call_a_provider(mesh: FakeMesh, way: str) -> None:
    """The evaluator is refused with a typed reason, also when it goes around its own proxy."""
    own = way == "its own egress"
    channel = mesh.egress("evaluator") if own else mesh.ingress("provider-local", "evaluator")
    error = await refused(channel, GENERATE)

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert reason(error) == "CALLER_NOT_ALLOWED"
    assert mesh.provider("local").seen == []


@pytest.mark.spec("EDG-01")
async def test_each_ingress_admits_exactly_the_callers_of_the_topology(mesh: FakeMesh) -> None:
    """Every identity tries every method of the recorder: the allowed ones get through, all others are refused."""
    recorder = topology.BY_NAME["recorder"]
    for identity in every_identity():
        async with mesh.ingress("recorder", identity) as channel:
            for rpc_service, rpc in topology.methods(recorder):
                outcome = await unary(channel, topology.path(rpc_service, rpc))(b"hello", timeout=10).code()
                wanted = grpc.StatusCode.OK if identity in rpc.allowed else grpc.StatusCode.PERMISSION_DENIED

                assert outcome is wanted, (identity, rpc.method)


async def test_every_identity_of_the_mesh_may_ask_for_health(mesh: FakeMesh) -> None:
    """A health check needs a certificate of the mesh and nothing else."""
    async with mesh.ingress("provider-local", "operator") as channel:
        assert await ask(channel, HEALTH_PATH) == mesh.provider("local").health()


@pytest.mark.spec("EDG-01")
async def test_the_service_learns_its_caller_from_the_certificate(mesh: FakeMesh) -> None:
    """A forged identity header is replaced by what the proxy verified."""
    forged = (("x-forwarded-client-cert", f"URI={topology.spiffe_id('engine')}"),)
    async with mesh.egress("router") as channel:
        await ask(channel, GENERATE, metadata=(*forged, *order("local")))

    (seen,) = mesh.provider("local").seen
    assert seen.metadata["x-forwarded-client-cert"].endswith(f"URI={topology.spiffe_id('router')}")


@pytest.mark.spec("EDG-01")
async def test_plaintext_is_refused(mesh: FakeMesh) -> None:
    """No TCP port of the mesh speaks without TLS."""
    for port in (*mesh.ports.values(), mesh.edge_port):
        await assert_handshake_fails(mesh, aio.insecure_channel(f"127.0.0.1:{port}"))


@pytest.mark.spec("EDG-01")
async def test_a_caller_without_a_certificate_is_refused(mesh: FakeMesh) -> None:
    """Neither an ingress nor the edge talks to somebody who shows no certificate."""
    await assert_handshake_fails(mesh, mesh.ingress("recorder", None))
    await assert_handshake_fails(mesh, mesh.edge(None))


@pytest.mark.spec("EDG-01")
async def test_an_older_tls_is_refused(mesh: FakeMesh) -> None:
    """TLS 1.3 is spoken with the right certificate, TLS 1.2 with none."""
    home = mesh.pki.certs / "operator"
    context = ssl.create_default_context(cafile=home / "ca.crt")
    context.load_cert_chain(home / "tls.crt", home / "tls.key")
    _, writer = await asyncio.open_connection("localhost", mesh.edge_port, ssl=context)
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    assert version == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("localhost", mesh.edge_port, ssl=context)


@pytest.mark.spec("EDG-01")
async def test_a_certificate_of_another_authority_is_refused(mesh: FakeMesh, tmp_path: Path) -> None:
    """The right name from the wrong authority is worth nothing."""
    stranger = Pki(tmp_path)
    stranger.create()

    await assert_handshake_fails(mesh, mesh.ingress("recorder", "engine", pki=stranger))
    await assert_handshake_fails(mesh, mesh.edge("operator", pki=stranger))


@pytest.mark.spec("EDG-01")
@pytest.mark.parametrize("shift", [timedelta(days=-2), timedelta(days=2)], ids=["expired", "not yet valid"])
async def test_a_certificate_outside_its_time_is_refused(mesh: FakeMesh, shift: timedelta) -> None:
    """A leaf of the right authority counts only between its two dates."""
    elsewhen = Pki(mesh.pki.certs.parent, now=lambda: datetime.now(UTC) + shift)
    elsewhen.issue(["operator"])

    await assert_handshake_fails(mesh, mesh.ingress("recorder", "operator"))
    await assert_handshake_fails(mesh, mesh.edge("operator"))


@pytest.mark.spec("EDG-01")
async def test_a_name_outside_the_trust_domain_is_refused(mesh: FakeMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right authority does not help a name of another trust domain."""
    monkeypatch.setattr(topology, "TRUST_DOMAIN", "elsewhere.local")
    mesh.pki.issue(["operator"])

    await assert_handshake_fails(mesh, mesh.ingress("recorder", "operator"))


@pytest.mark.spec("EDG-01")
async def test_a_callee_that_shows_another_name_is_not_spoken_to(mesh: FakeMesh) -> None:
    """A caller trusts the exact identity of its callee: a service posing as another one gets no call."""
    other = mesh.pki.certs / "critic"
    certificate, key, trusted = ((other / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt"))
    before = await mesh.reloads("recorder")
    write_sds(mesh.pki.certs, "recorder", certificate=certificate, key=key, trusted=trusted)
    await mesh.reloaded("recorder", since=before)
    error = await refused(mesh.egress("engine"), "/magistrate.recorder.v1.RecorderService/GetRecord")

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(error) == "DEPENDENCY_UNAVAILABLE"
    assert mesh.backends["recorder"].seen == []


def test_every_vendor_has_an_identity() -> None:
    """Each provider adapter has its own certificate."""
    assert {f"provider-{vendor}" for vendor in ALL_VENDORS} <= set(every_identity())
    assert alternative_names("provider-local") != alternative_names("provider-openai")
