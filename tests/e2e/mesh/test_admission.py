"""Who may enter: a bearer token that verifies, with a role that may ask for the method."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import jwt
import pytest

from magistrate.engine.v1.engine_pb2 import DecideRequest
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh, question
from tests.fakes.mesh import unary
from tools.certs import Tokens

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
INGEST = "/magistrate.context.v1.ContextService/IngestDocuments"
CLAIMS = {"iss": "https://magistrate.local/tokens", "aud": "magistrate", "sub": "eve", "tenant": "default"}


async def refused(client: Client, *metadata: tuple[str, str]) -> Failure:
    """Return how a good question with this metadata ended."""
    return await client.refused(DecideRequest(question=question()), metadata=metadata)


def bearer(token: str) -> tuple[str, str]:
    """Return the metadata that carries ``token``."""
    return ("authorization", f"Bearer {token}")


@pytest.mark.spec("EDG-02")
async def test_a_missing_token_is_refused(client: Client, mesh: Mesh) -> None:
    """UNAUTHENTICATED TOKEN_MISSING, and no model hears of it."""
    failure = await refused(client)

    assert (failure.code, failure.reason) == (UNAUTHENTICATED, "TOKEN_MISSING")
    assert mesh.local.calls == 0


@pytest.mark.spec("EDG-02")
async def test_an_expired_token_is_refused(client: Client, mesh: Mesh) -> None:
    """UNAUTHENTICATED TOKEN_EXPIRED."""
    failure = await refused(client, bearer(mesh.stack.token(ttl_s=-3600)))

    assert (failure.code, failure.reason) == (UNAUTHENTICATED, "TOKEN_EXPIRED")


@pytest.mark.spec("EDG-02")
async def test_a_token_that_proves_nothing_is_refused(client: Client, mesh: Mesh, tmp_path: Path) -> None:
    """UNAUTHENTICATED TOKEN_INVALID: another key, no algorithm, other audience or issuer, a changed claim, no token."""
    for forged in _forged(mesh, tmp_path):
        failure = await refused(client, bearer(forged))

        assert (failure.code, failure.reason) == (UNAUTHENTICATED, "TOKEN_INVALID"), forged
    assert mesh.local.calls == 0


@pytest.mark.spec("EDG-03")
async def test_a_role_that_may_not_ask_is_refused(mesh: Mesh) -> None:
    """A user may decide but not ingest; nobody without a role may do either. PERMISSION_DENIED ROLE_NOT_ALLOWED."""
    async with mesh.client("user") as user, mesh.client("nobody") as nobody:
        await user.decide()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(user.channel, INGEST)(b"", **user.options)
        failure = await refused(nobody, *nobody.metadata)

    assert {Failure.of(caught.value), failure} == {
        Failure(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", ()),
    }


@pytest.mark.spec("EDG-03")
async def test_headers_of_the_mesh_give_nobody_a_role(mesh: Mesh) -> None:
    """Tenant and roles come from the token; who sends them as headers gains nothing."""
    forged = (("x-magistrate-roles", "admin"), ("x-magistrate-tenant", "other"), ("x-magistrate-subject", "root"))
    async with mesh.client("user") as user:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(user.channel, INGEST)(b"", timeout=CALL_LIMIT_S, metadata=(*user.metadata, *forged))
        reply = await user.engine.Decide(
            DecideRequest(question=question()), timeout=CALL_LIMIT_S, metadata=(*user.metadata, *forged)
        )

        assert Failure.of(caught.value).reason == "ROLE_NOT_ALLOWED"
        assert (await user.verified(reply.decision)).verified, "the evidence stands in the log of the token's tenant"


def _forged(mesh: Mesh, folder: Path) -> list[str]:
    stranger = Tokens(folder)
    stranger.create()
    good = mesh.stack.token()
    head, body, signature = good.split(".")
    soon = datetime.now(UTC) + timedelta(minutes=5)
    key = (mesh.stack.root / "jwt" / "signing.key").read_bytes()
    name = jwt.get_unverified_header(good)["kid"]

    def signed(**changed: str) -> str:
        return jwt.encode(CLAIMS | {"roles": "admin", "exp": soon} | changed, key, "ES256", headers={"kid": name})

    return [
        stranger.mint("eve", "default", ["admin"]),
        jwt.encode(CLAIMS | {"roles": "admin", "exp": soon}, "", "none", headers={"kid": name}),
        signed(aud="elsewhere"),
        signed(iss="https://elsewhere.example"),
        f"{head}.{body[:-4]}AAAA.{signature}",
        "not-a-token",
    ]
