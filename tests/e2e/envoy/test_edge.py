"""The door for callers from outside, on the real Envoy: token, gate, headers, limits."""

import asyncio
import base64
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from magistrate.gate.v1 import ext_authz_pb2 as authz
from services import topology
from tests.fakes.backend import HEALTH_PATH, Behaviour, Context, hang
from tests.fakes.mesh import FakeMesh, Metadata, ask, reason, running_mesh, stream
from tools.certs.tokens import AUDIENCE, ISSUER

DECIDE = "/magistrate.engine.v1.EngineService/Decide"
DECIDE_STREAM = "/magistrate.engine.v1.EngineService/DecideStream"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "tenant": "acme", "roles": "admin", "exp": 4_000_000_000}


async def allow(_: bytes, __: Context) -> bytes:
    """Answer as a gate that lets everybody in: an empty CheckResponse has status OK."""
    return b""


@pytest.fixture
async def edge(folder: Path) -> AsyncIterator[FakeMesh]:
    """Return a mesh whose gate lets everybody in."""
    async with running_mesh(folder) as mesh:
        mesh.backends["gate"].behaviour = allow
        yield mesh


async def refused(
    mesh: FakeMesh, path: str = DECIDE, metadata: Metadata = (), body: bytes = b"hello"
) -> tuple[str, str]:
    """Return status and reason of a call at the edge that must fail."""
    async with mesh.edge() as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, path, body, metadata=metadata)
    return caught.value.code().name, reason(caught.value)


def bearer(token: str) -> Metadata:
    """Return the metadata that carries ``token``."""
    return (("authorization", f"Bearer {token}"),)


def forged(algorithm: str, key: bytes = b"") -> str:
    """Return a token that says of itself how it is signed: not at all, or by ``key`` as a shared secret."""
    header, claims = (_encoded(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, CLAIMS))
    signature = hmac.digest(key, f"{header}.{claims}".encode(), "sha256") if key else b""
    return f"{header}.{claims}.{_encoded(signature)}"


@pytest.mark.spec("EDG-02")
async def test_a_caller_with_a_token_enters_as_its_claims_say(edge: FakeMesh) -> None:
    """Subject, tenant and roles reach the service; the token itself does not."""
    async with edge.edge() as channel:
        await ask(channel, DECIDE, metadata=edge.bearer(subject="ada", tenant="acme", roles=("user", "reviewer")))

    metadata = edge.backends["engine"].seen[0].metadata
    assert metadata["x-magistrate-subject"] == "ada"
    assert metadata["x-magistrate-tenant"] == "acme"
    assert metadata["x-magistrate-roles"] == "user reviewer"
    assert "authorization" not in metadata


@pytest.mark.spec("EDG-02")
async def test_headers_of_the_mesh_cannot_be_forged(edge: FakeMesh) -> None:
    """What only the mesh may say is removed at the door, whether or not a claim replaces it."""
    forged = (
        ("x-magistrate-subject", "root"),
        ("x-magistrate-tenant", "other"),
        ("x-magistrate-roles", "admin"),
        ("x-magistrate-providers", "openai"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-mesh-provider", "openai"),
        ("x-forwarded-client-cert", "URI=spiffe://forged"),
    )
    async with edge.edge() as channel:
        await ask(channel, DECIDE, metadata=(*edge.bearer(), *forged))

    metadata = edge.backends["engine"].seen[0].metadata
    assert {metadata[f"x-magistrate-{claim}"] for claim in ("subject", "tenant", "roles")} == {"ada", "acme", "user"}
    assert not {"x-magistrate-providers", "x-envoy-upstream-rq-timeout-ms", "x-mesh-provider"} & metadata.keys()
    assert metadata["x-forwarded-client-cert"].endswith(f"URI={topology.spiffe_id('edge')}")


@pytest.mark.spec("EDG-02")
async def test_a_token_without_roles_gives_none(edge: FakeMesh) -> None:
    """A missing claim leaves no header, not the caller's own."""
    key = (edge.tokens.jwks_file.parent / "signing.key").read_bytes()
    claims = {name: value for name, value in CLAIMS.items() if name != "roles"}
    async with edge.edge() as channel:
        metadata = (*bearer(jwt.encode(claims, key, "ES256")), ("x-magistrate-roles", "admin"))
        await ask(channel, DECIDE, metadata=metadata)

    assert "x-magistrate-roles" not in edge.backends["engine"].seen[0].metadata


@pytest.mark.spec("EDG-02")
async def test_a_token_that_proves_nothing_is_refused(edge: FakeMesh) -> None:
    """Missing, expired, unsigned, self-signed, misdirected and mangled tokens get their typed refusal."""
    own = (edge.tokens.jwks_file.parent / "signing.key").read_bytes()
    stranger = ec.generate_private_key(ec.SECP256R1())
    good = edge.tokens.mint("ada", "acme", ["user"])
    expired = edge.tokens.mint("ada", "acme", ["user"], ttl_s=-120)
    invalid = {
        "unsigned": forged("none"),
        "unsigned, in capitals": forged("NONE"),
        "of another key": jwt.encode(CLAIMS, stranger, "ES256"),
        "signed with the public key as a secret": forged("HS256", edge.tokens.jwks_file.read_bytes()),
        "for another audience": jwt.encode({**CLAIMS, "aud": "elsewhere"}, own, "ES256"),
        "of another issuer": jwt.encode({**CLAIMS, "iss": "https://elsewhere"}, own, "ES256"),
        "without an end": jwt.encode({k: v for k, v in CLAIMS.items() if k != "exp"}, own, "ES256"),
        "not yet valid": jwt.encode({**CLAIMS, "nbf": 3_900_000_000}, own, "ES256"),
        "with a path as key id": jwt.encode(CLAIMS, own, "ES256", headers={"kid": "../../../dev/null"}),
        "cut": good[:-4],
        "garbage": "a.b.c",
    }

    assert await refused(edge) == ("UNAUTHENTICATED", "TOKEN_MISSING")
    assert await refused(edge, metadata=bearer(expired)) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
    for name, token in invalid.items():
        assert await refused(edge, metadata=bearer(token)) == ("UNAUTHENTICATED", "TOKEN_INVALID"), name
    assert edge.backends["engine"].seen == []
    assert edge.backends["gate"].seen == []


@pytest.mark.spec("EDG-01")
async def test_a_client_certificate_may_be_optional(folder: Path) -> None:
    """With the option off a token alone opens the door."""
    async with running_mesh(folder, require_client_certificate=False) as mesh, mesh.edge(None) as channel:
        mesh.backends["gate"].behaviour = allow
        assert await ask(channel, DECIDE, metadata=mesh.bearer()) == b"hello"


@pytest.mark.spec("EDG-03")
async def test_only_methods_that_some_role_may_ask_for_are_reachable(edge: FakeMesh) -> None:
    """Every method of the topology is tried from outside: those with roles arrive, all others are refused."""
    async with edge.edge() as channel:
        for service in topology.SERVICES:
            if service.vendor and service.vendor != "local":
                continue
            for rpc_service, rpc in topology.methods(service):
                path = topology.path(rpc_service, rpc)
                try:
                    await ask(channel, path, metadata=edge.bearer())
                    outcome = "OK"
                except aio.AioRpcError as error:
                    outcome = f"{error.code().name} {reason(error)}"

                assert outcome == ("OK" if rpc.roles else "PERMISSION_DENIED CALLER_NOT_ALLOWED"), path


async def test_an_unknown_method_is_named_as_such(edge: FakeMesh) -> None:
    """A method outside the contract is UNIMPLEMENTED with a reason."""
    assert await refused(edge, "/magistrate.engine.v1.EngineService/Nope", edge.bearer()) == (
        "UNIMPLEMENTED",
        "METHOD_UNKNOWN",
    )


@pytest.mark.parametrize("trouble", ["gone", "silent"])
async def test_without_the_gate_the_door_stays_closed(edge: FakeMesh, trouble: str) -> None:
    """A gate that is down or answers too late lets nobody in."""
    if trouble == "gone":
        await edge.backends["gate"].stop()
    edge.backends["gate"].behaviour = hang

    assert await refused(edge, metadata=edge.bearer()) == ("UNAVAILABLE", "GATE_UNAVAILABLE")
    assert edge.backends["engine"].seen == []


async def test_the_gate_says_why_it_refuses(edge: FakeMesh) -> None:
    """The gate's own status and reason reach the caller."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason="ROLE_NOT_ALLOWED", domain="magistrate.dev"))
    status = status_pb2.Status(code=7, message="not you", details=[detail])
    encoded = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    header = authz.HeaderValueOption(header=authz.HeaderValue(key="grpc-status-details-bin", value=encoded))
    denial = authz.CheckResponse(
        status=authz.RpcStatus(code=7),
        denied_response=authz.DeniedHttpResponse(status=authz.HttpStatus(code=403), headers=[header], body="not you"),
    )
    edge.backends["gate"].behaviour = _answering(denial.SerializeToString())

    assert await refused(edge, metadata=edge.bearer()) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")
    assert edge.backends["engine"].seen == []


async def test_a_request_id_is_kept_or_made(edge: FakeMesh) -> None:
    """The caller's own request id reaches the service and the gate; without one the edge makes it."""
    async with edge.edge() as channel:
        await ask(channel, DECIDE, metadata=(*edge.bearer(), ("x-request-id", "order-66")))
        await ask(channel, DECIDE, metadata=edge.bearer())

    first, second = (seen.metadata["x-request-id"] for seen in edge.backends["engine"].seen)
    assert first == "order-66"
    assert len(second) == 36
    assert [seen.metadata["x-request-id"] for seen in edge.backends["gate"].seen] == [first, second]


@pytest.mark.spec("EDG-16")
async def test_a_request_beyond_the_fence_is_refused(edge: FakeMesh) -> None:
    """More than 16 MiB never reaches a service; 5 MiB does, so that the service can say what its limit is."""
    async with edge.edge() as channel:
        await ask(channel, DECIDE, b"x" * 3_000_000, metadata=edge.bearer())

    assert await refused(edge, metadata=edge.bearer(), body=b"x" * 17_000_000) == (
        "RESOURCE_EXHAUSTED",
        "MESSAGE_TOO_LARGE",
    )


async def test_a_header_with_an_underscore_is_refused(edge: FakeMesh) -> None:
    """``x_magistrate_roles`` must not become ``x-magistrate-roles`` somewhere behind the door."""
    async with edge.edge() as channel:
        with pytest.raises(aio.AioRpcError):
            await ask(channel, DECIDE, metadata=(*edge.bearer(), ("x_magistrate_roles", "admin")))

    assert edge.backends["engine"].seen == []


async def test_a_stream_is_passed_on_as_it_comes(edge: FakeMesh) -> None:
    """The first part arrives while the service still works on the second."""
    go_on = asyncio.Event()

    async def parts(_: bytes, __: Context) -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"second"

    edge.backends["engine"].streaming = parts
    async with edge.edge() as channel:
        call = stream(channel, DECIDE_STREAM)(b"hello", timeout=10, metadata=edge.bearer())
        assert await call.read() == b"first"
        go_on.set()
        assert await call.read() == b"second"


async def test_health_is_answered_by_the_engine_over_the_same_hops(edge: FakeMesh) -> None:
    """A health check from outside passes token and gate like any call, and nothing but the mesh."""
    async with edge.edge() as channel:
        assert await ask(channel, HEALTH_PATH, metadata=edge.bearer()) == edge.backends["engine"].health()

    assert len(edge.backends["gate"].seen) == 1


@pytest.mark.spec("EDG-17")
async def test_the_http_side_carries_security_headers(edge: FakeMesh) -> None:
    """A browser that finds the door is told not to guess, frame or downgrade."""
    async with _http(edge) as client:
        reply = await client.get("/")

    assert reply.status_code == 401
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("kind", ["application/json", "application/grpcx", "text/plain"])
async def test_what_is_not_grpc_reaches_no_service(edge: FakeMesh, kind: str) -> None:
    """JSON from curl is told that nobody serves it, and passes for no outage of a service."""
    headers = {**dict(edge.bearer()), "content-type": kind}
    async with _http(edge) as client:
        reply = await client.post(DECIDE, headers=headers, content=b"{}")

    assert reply.status_code == 501
    assert reply.text == "there is no such method here, or it was not called by gRPC"
    assert edge.backends["engine"].seen == []


def _http(edge: FakeMesh) -> httpx.AsyncClient:
    """Return a client that speaks HTTP and no gRPC, with the operator's certificate."""
    certs = edge.pki.certs / "operator"
    context = ssl.create_default_context(cafile=certs / "ca.crt")
    context.load_cert_chain(certs / "tls.crt", certs / "tls.key")
    return httpx.AsyncClient(verify=context, base_url=f"https://localhost:{edge.edge_port}")


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _answering(reply: bytes) -> Behaviour:
    async def answer(_: bytes, __: Context) -> bytes:
        return reply

    return answer
