"""The plan of a mesh follows from the topology alone."""

from math import perm
from pathlib import Path

import pytest

from services import topology
from tools.envoy import Door, Mesh, PlanError, Settings, local_mesh
from tools.envoy.plan import SOCKET_PATH_BYTES


def mesh(*providers: str, run_dir: str = "/run/m") -> Mesh:
    """Return a local mesh with ``providers`` enabled."""
    settings = Settings(run_dir=Path(run_dir), certs_dir=Path("/certs"), providers=providers)
    return local_mesh(settings, Door(jwks_file=Path("/jwks.json"), port=8443))


@pytest.mark.spec("RTR-02")
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_order_of_the_enabled_vendors_can_be_asked_for(count: int) -> None:
    """Each ordered list of two or more has its own cluster, each vendor its own way alone."""
    (router,) = (egress for egress in mesh(*topology.VENDORS[:count]).egresses if egress.fallback)
    assert router.fallback

    assert len(router.fallback.orders) == sum(perm(count, length) for length in range(2, count + 1))
    assert len({order.header for order in router.fallback.orders}) == len(router.fallback.orders)
    assert {direct.vendor for direct in router.fallback.directs} == set(topology.VENDORS[:count])


def test_only_the_router_has_fallback() -> None:
    """No other service reaches a provider."""
    assert [egress.service for egress in mesh("local").egresses if egress.fallback] == ["router"]


def test_a_disabled_vendor_has_no_way_in() -> None:
    """Only enabled adapters get a listener."""
    ingresses = {ingress.service for ingress in mesh("openai").ingresses}

    assert "provider-openai" in ingresses
    assert "provider-local" not in ingresses


def test_each_service_reaches_exactly_what_the_topology_allows() -> None:
    """Routes and refusals of a service together are the whole contract, divided by its caller lists."""
    planned = mesh(*topology.VENDORS)
    contract = {topology.path(s, rpc): rpc for service in topology.SERVICES for s, rpc in topology.methods(service)}
    for egress in planned.egresses:
        routed = {route.method.path for route in egress.routes}
        routed |= {method.path for method in egress.fallback.methods} if egress.fallback else set()

        assert routed == {path for path, rpc in contract.items() if egress.service in rpc.callers}
        assert set(egress.denied) == contract.keys() - routed


def test_the_edge_opens_only_what_some_role_may_ask_for() -> None:
    """Methods without a role stay inside, also the gate that the edge itself calls."""
    edge = mesh("local").edge
    assert edge
    open_paths = {
        topology.path(s, rpc) for service in topology.SERVICES for s, rpc in topology.methods(service) if rpc.roles
    }

    assert {route.method.path for route in edge.routes} == open_paths
    assert not open_paths & set(edge.denied)


def test_the_longest_possible_socket_path_is_taken() -> None:
    """The limit is the kernel's, to the byte."""
    longest = max(
        len(f"/{service.name}-egress.sock") for service in topology.SERVICES if service.vendor in ("", "local")
    )
    room = SOCKET_PATH_BYTES - longest

    assert mesh("local", run_dir="/" + "r" * (room - 1)).egresses
    with pytest.raises(PlanError, match="shorter folder"):
        mesh("local", run_dir="/" + "r" * room)
