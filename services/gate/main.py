"""Start the gate."""

from magistrate.gate.v1 import ext_authz_pb2_grpc, ratelimit_pb2_grpc
from services.chassis.runtime import Registration, open_runtime
from services.gate.servicer import GateServicer
from services.topology import SERVICES, methods, path

AUTHORIZATION = "envoy.service.auth.v3.Authorization"
RATE_LIMIT = "envoy.service.ratelimit.v3.RateLimitService"


async def main(name: str) -> None:
    """Serve until SIGTERM."""
    gate = GateServicer(rules())
    limits = ratelimit_pb2_grpc.RateLimitServiceServicer()
    async with open_runtime(name) as mesh:
        await mesh.serve(
            [
                Registration(ext_authz_pb2_grpc.add_AuthorizationServicer_to_server, gate, AUTHORIZATION),
                Registration(ratelimit_pb2_grpc.add_RateLimitServiceServicer_to_server, limits, RATE_LIMIT),
            ]
        )


def rules() -> dict[str, frozenset[str]]:
    """Return the roles that may ask from outside, by method path, as the topology says."""
    return {
        path(rpc_service, rpc): frozenset(rpc.roles)
        for service in SERVICES
        for rpc_service, rpc in methods(service)
        if rpc.roles
    }
