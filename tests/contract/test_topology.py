"""The topology, the contract and the code agree."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

import magistrate
import services
from magistrate.common.v1.error_pb2 import ErrorReason
from services import topology
from services.chassis.drain import NOT_PROCESSED_KEY
from services.pending import PENDING
from services.router.adapters.route import ORDER_KEY, WINNER_KEY
from services.topology import EDGE, SERVICES, Rpc, methods, path
from tools.envoy.model import NOT_PROCESSED_HEADER, PROVIDER_HEADER, PROVIDERS_HEADER

_PROTO_MODULES = [
    module.name for module in pkgutil.walk_packages(magistrate.__path__, "magistrate.") if module.name.endswith("_pb2")
]


def contract() -> dict[str, ServiceDescriptor]:
    """Return every gRPC service of the contract by its full name."""
    pool = descriptor_pool.Default()
    files = {importlib.import_module(name).DESCRIPTOR.name for name in _PROTO_MODULES}
    return {
        service.full_name: service for file in files for service in pool.FindFileByName(file).services_by_name.values()
    }


def paths() -> dict[str, Rpc]:
    """Return every method of the topology by its path."""
    return {path(rpc_service, rpc): rpc for service in SERVICES for rpc_service, rpc in methods(service)}


@pytest.mark.spec("ENG-02")
def test_the_topology_has_exactly_the_methods_of_the_contract() -> None:
    """No method is without callers and deadlines, and none is named that the contract does not have."""
    expected = {f"/{name}/{method.name}" for name, service in contract().items() for method in service.methods}

    assert set(paths()) == expected


def test_every_caller_exists() -> None:
    """A caller is a service or the edge; a misspelt one would open nothing and say nothing."""
    known = {*topology.BY_NAME, EDGE}

    assert {caller for rpc in paths().values() for caller in rpc.allowed} <= known


def test_every_method_has_somebody_who_may_call_it_and_sane_deadlines() -> None:
    """A method that nobody may call is dead; a default above its cap is a lie."""
    for name, rpc in paths().items():
        assert rpc.allowed, name
        assert 0 < rpc.default_s <= rpc.cap_s, name


def test_the_call_graph_has_no_circle() -> None:
    """The start order lists every callee before its callers, which only a graph without circles allows."""
    order = [service.name for service in SERVICES]
    for service in SERVICES:
        for callee in topology.callees(service.name):
            assert order.index(callee.name) < order.index(service.name), (service.name, callee.name)


def test_names_and_ports_are_unique() -> None:
    """Two services never share a name or a port."""
    assert len({service.name for service in SERVICES}) == len(SERVICES)
    assert len({service.port for service in SERVICES}) == len(SERVICES)


def test_each_method_is_served_or_named_as_pending() -> None:
    """A method whose logic is missing is in the one list, and a method in the list has no logic."""
    implemented = _implemented()

    assert not implemented & set(PENDING), "remove what is served from the list"
    assert implemented | set(PENDING) == set(paths())


def test_every_reason_in_the_code_is_in_the_contract() -> None:
    """A reason that a service raises is one that the contract explains."""
    known = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - an enum wrapper, not a dict
    used = {reason for file in Path(services.__path__[0]).rglob("*.py") for reason in _reasons(file)}

    assert used <= known, used - known


def _implemented() -> set[str]:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".servicer" in module.name:
            importlib.import_module(module.name)
    return {
        f"/{name}/{method.name}"
        for name, service in contract().items()
        for method in service.methods
        if any(method.name in vars(servicer) for servicer in _servicers(service))
    }


def _servicers(service: ServiceDescriptor) -> list[type]:
    module = importlib.import_module(service.file.name.replace("/", ".").removesuffix(".proto") + "_pb2_grpc")
    base = getattr(module, f"{service.name}Servicer")
    return [child for child in base.__subclasses__() if child.__module__.startswith("services.")]


_RAISERS = {"CallerError": 1, "WorldError": 1, "MeshError": 1, "not_found": 0, "unavailable": 0}
"""Names that take a reason, to the place of the reason among their arguments."""


def _reasons(file: Path) -> set[str]:
    found = set()
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
        arguments = [k.value for k in call.keywords if k.arg == "reason" and name in {*_RAISERS, "invalid"}]
        if name in _RAISERS and len(call.args) > _RAISERS[name]:
            arguments.append(call.args[_RAISERS[name]])
        found |= {a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return {reason for reason in found if reason.isupper()}


@pytest.mark.spec("ENG-30", "RTR-02")
@pytest.mark.parametrize(
    ("service", "proxy"),
    [(NOT_PROCESSED_KEY, NOT_PROCESSED_HEADER), (ORDER_KEY, PROVIDERS_HEADER), (WINNER_KEY, PROVIDER_HEADER)],
)
def test_services_and_proxies_call_a_header_the_same(service: str, proxy: str) -> None:
    """What services write for proxies, and read from them, has one name; nothing else would notice two."""
    assert service == proxy
