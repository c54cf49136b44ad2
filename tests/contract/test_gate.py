"""Envoy's contract with the gate through an in-process server."""

import base64

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from magistrate.gate.v1 import ext_authz_pb2 as authz
from magistrate.gate.v1 import ext_authz_pb2_grpc, ratelimit_pb2, ratelimit_pb2_grpc
from services.chassis.errors import MeshError
from services.chassis.testing import Registration, serving
from services.gate.main import AUTHORIZATION, RATE_LIMIT, rules
from services.gate.servicer import GateServicer

REGISTRATIONS = [
    Registration(ext_authz_pb2_grpc.add_AuthorizationServicer_to_server, GateServicer(rules()), AUTHORIZATION),
    Registration(
        ratelimit_pb2_grpc.add_RateLimitServiceServicer_to_server,
        ratelimit_pb2_grpc.RateLimitServiceServicer(),
        RATE_LIMIT,
    ),
]


def question(roles: str, path: str = "/magistrate.engine.v1.EngineService/Decide") -> authz.CheckRequest:
    """Return what Envoy asks about a verified token with these roles."""
    headers = {"x-magistrate-tenant": "acme", "x-magistrate-subject": "jo", "x-magistrate-roles": roles}
    http = authz.AttributeContext.HttpRequest(path=path, headers=headers)
    return authz.CheckRequest(attributes=authz.AttributeContext(request=authz.AttributeContext.Request(http=http)))


@pytest.mark.spec("EDG-03")
async def test_an_allowed_role_passes() -> None:
    """A role that may call gets OK."""
    async with serving(REGISTRATIONS) as channel:
        answer = await ext_authz_pb2_grpc.AuthorizationStub(channel).Check(question("user operator"))

    assert answer.status.code == 0
    assert answer.WhichOneof("http_response") == "ok_response"


@pytest.mark.spec("EDG-03", "ENG-44")
async def test_a_refusal_carries_its_reason_for_the_caller() -> None:
    """A refusal is 403 with ErrorInfo in the header that gRPC clients read."""
    async with serving(REGISTRATIONS) as channel:
        answer = await ext_authz_pb2_grpc.AuthorizationStub(channel).Check(question("nobody"))

    denied = answer.denied_response
    assert denied.status.code == 403
    (header,) = denied.headers
    assert header.header.key == "grpc-status-details-bin"
    info = ErrorInfo()
    packed = header.header.value + "=" * (-len(header.header.value) % 4)
    assert Status.FromString(base64.b64decode(packed)).details[0].Unpack(info)
    assert info.reason == "ROLE_NOT_ALLOWED"
    assert info.domain == "magistrate.dev"


async def test_rate_limits_are_still_to_come() -> None:
    """The rate limit contract is there and says that its logic is not."""
    async with serving(REGISTRATIONS) as channel:
        with pytest.raises(MeshError, match="NOT_YET_IMPLEMENTED"):
            await ratelimit_pb2_grpc.RateLimitServiceStub(channel).ShouldRateLimit(ratelimit_pb2.RateLimitRequest())
