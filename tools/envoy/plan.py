"""From the topology and a few settings to the model of one proxy; refuses what could not work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

from services import topology
from services.topology import EDGE, Service
from tools.certs.tokens import AUDIENCE, ISSUER
from tools.envoy.model import (
    Deadline,
    Direct,
    Edge,
    Egress,
    Fallback,
    Ingress,
    Mesh,
    Method,
    Order,
    Peer,
    Pipe,
    Route,
    Secrets,
    Tcp,
)
from tools.envoy.settings import Door, PlanError, Settings, enabled_services

SOCKET_PATH_BYTES = 107
"""What the kernel takes as the path of a unix socket (``sun_path`` without its final zero)."""
HEDGED_METHODS = frozenset({"Generate", "GenerateStream"})
"""Provider methods that any provider of an order may answer."""
HEALTH_SERVICE = "engine"
"""Who answers a health check from outside: the service that every decision enters through."""
GATE_SERVICE = "gate"


def local_mesh(settings: Settings, door: Door, ports: Mapping[str, int] | None = None) -> Mesh:
    """Plan the one process that carries every sidecar and the edge of a local stack.

    ``ports`` gives the loopback port of each service's ingress where it is not the topology's.
    """
    enabled = enabled_services(settings)
    where = {s.name: Tcp(host="127.0.0.1", port=(ports or {}).get(s.name, s.port)) for s in enabled}
    draft = _Draft(settings=settings, enabled=enabled, where=where)
    return _checked(
        Mesh(
            node="magistrate-local",
            admin=_pipe(settings, "envoy-admin"),
            secrets=Secrets(folder=settings.certs_dir, trust=EDGE),
            peers=tuple(peer for caller in (*(s.name for s in enabled), EDGE) for peer in draft.peers(caller)),
            ingresses=tuple(draft.ingress(s, host="127.0.0.1") for s in enabled),
            egresses=tuple(draft.egress(s) for s in enabled),
            edge=draft.edge(door),
        )
    )


def sidecar_mesh(settings: Settings, name: str) -> Mesh:
    """Plan the sidecar of service ``name``, for hosts where each service has a DNS name of its own."""
    draft = _hosted(settings)
    own = [service for service in draft.enabled if service.name == name]
    if not own:
        known = ", ".join(service.name for service in draft.enabled)
        raise PlanError(f"name = {name!r}: must be an enabled service, one of {known}")
    return _checked(
        Mesh(
            node=f"magistrate-{name}",
            admin=_pipe(settings, "envoy-admin"),
            secrets=Secrets(folder=settings.certs_dir, trust=name),
            peers=draft.peers(name),
            ingresses=(draft.ingress(own[0], host="0.0.0.0"),),  # noqa: S104  its host is its own pod or container
            egresses=(draft.egress(own[0]),),
        )
    )


def edge_mesh(settings: Settings, door: Door) -> Mesh:
    """Plan the edge proxy, for hosts where each service has a DNS name of its own."""
    draft = _hosted(settings)
    return _checked(
        Mesh(
            node=f"magistrate-{EDGE}",
            admin=_pipe(settings, "envoy-admin"),
            secrets=Secrets(folder=settings.certs_dir, trust=EDGE),
            peers=draft.peers(EDGE),
            edge=draft.edge(door),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """The enabled services and where each of them listens."""

    settings: Settings
    enabled: tuple[Service, ...]
    where: Mapping[str, Tcp]

    def ingress(self, service: Service, *, host: str) -> Ingress:
        return Ingress(
            service=service.name,
            listen=Tcp(host=host, port=self.where[service.name].port),
            app=_pipe(self.settings, service.name),
            methods=_methods(service),
            slots=self.settings.provider_slots if service.vendor else None,
        )

    def egress(self, service: Service) -> Egress:
        return Egress(
            service=service.name,
            listen=_pipe(self.settings, f"{service.name}-egress"),
            routes=self._routes(service.name),
            denied=tuple(path for path, callers in self._contract().items() if service.name not in callers),
            fallback=self._fallback(service.name),
        )

    def edge(self, door: Door) -> Edge:
        # The edge itself calls the gate; that is no way in for anybody else.
        routes = tuple(r for r in self._routes(EDGE) if r.cluster != _cluster(EDGE, GATE_SERVICE))
        return Edge(
            listen=Tcp(host=door.host, port=door.port),
            routes=routes,
            denied=tuple(path for path in self._contract() if path not in {route.method.path for route in routes}),
            gate=_cluster(EDGE, GATE_SERVICE),
            health=_cluster(EDGE, HEALTH_SERVICE),
            jwks=door.jwks_file,
            issuer=ISSUER,
            audience=AUDIENCE,
            require_client_certificate=door.require_client_certificate,
        )

    def peers(self, caller: str) -> tuple[Peer, ...]:
        """Return each callee of ``caller``; a provider twice, in orders and alone (see ``cluster.py``)."""
        peers: list[Peer] = []
        for callee in self.enabled:
            if any(caller in method.callers for method in _methods(callee)):
                peers.append(
                    self._peer(caller, callee, cluster=_cluster(caller, callee.name), in_order=bool(callee.vendor))
                )
                if callee.vendor:
                    peers.append(self._peer(caller, callee, cluster=_direct_cluster(caller, callee.name)))
        return tuple(peers)

    def _peer(self, caller: str, callee: Service, *, cluster: str, in_order: bool = False) -> Peer:
        return Peer(
            cluster=cluster,
            caller=caller,
            callee=callee.name,
            address=self.where[callee.name],
            vendor=callee.vendor,
            in_order=in_order,
        )

    def _routes(self, caller: str) -> tuple[Route, ...]:
        return tuple(
            Route(method=method, cluster=_cluster(caller, callee.name))
            for callee in self.enabled
            if not callee.vendor
            for method in _methods(callee)
            if caller in method.callers
        )

    def _contract(self) -> dict[str, tuple[str, ...]]:
        """Return the callers of every path, also of services that are not enabled here."""
        return {m.path: m.callers for service in self.settings.services for m in _methods(service)}

    def _fallback(self, caller: str) -> Fallback | None:
        providers = {s.vendor: s for s in self.enabled if s.vendor}
        methods = tuple(m for m in _methods(next(iter(providers.values()))) if caller in m.callers)
        if not methods:
            return None
        hedged = tuple(m for m in methods if m.path.rpartition("/")[2] in HEDGED_METHODS)
        deadlines = {method.deadline for method in hedged}
        if len(deadlines) != 1:
            raise PlanError(f"deadlines of {', '.join(m.path for m in hedged)}: must be equal, they share their routes")
        vendors = self.settings.providers
        return Fallback(
            prefix=f"{methods[0].path.rpartition('/')[0]}/",
            hedged=tuple(method.path for method in hedged),
            deadline=deadlines.pop(),
            hedge_delay_s=self.settings.hedge_delay_s,
            orders=tuple(
                Order(vendors=order, clusters=tuple(_cluster(caller, providers[v].name) for v in order))
                for length in range(2, len(vendors) + 1)
                for order in permutations(vendors, length)
            ),
            directs=tuple(Direct(vendor=v, cluster=_direct_cluster(caller, providers[v].name)) for v in vendors),
            methods=methods,
        )


def _hosted(settings: Settings) -> _Draft:
    enabled = enabled_services(settings)
    return _Draft(settings=settings, enabled=enabled, where={s.name: Tcp(host=s.name, port=s.port) for s in enabled})


def _methods(service: Service) -> tuple[Method, ...]:
    return tuple(
        Method(
            path=topology.path(rpc_service, rpc),
            callers=rpc.allowed,
            deadline=Deadline(default_s=rpc.default_s, cap_s=rpc.cap_s),
        )
        for rpc_service, rpc in topology.methods(service)
    )


def _cluster(caller: str, callee: str) -> str:
    return f"{caller}-to-{callee}"


def _direct_cluster(caller: str, callee: str) -> str:
    return f"{_cluster(caller, callee)}.direct"


def _pipe(settings: Settings, name: str) -> Pipe:
    return Pipe(path=(settings.run_dir / f"{name}.sock").absolute())


def _checked(mesh: Mesh) -> Mesh:
    _refuse_long_sockets([mesh.admin, *(i.app for i in mesh.ingresses), *(e.listen for e in mesh.egresses)])
    doors = {f"{ingress.service} ingress": ingress.listen.port for ingress in mesh.ingresses}
    _refuse_shared_ports(doors | ({EDGE: mesh.edge.listen.port} if mesh.edge else {}))
    return mesh


def _refuse_long_sockets(pipes: Iterable[Pipe]) -> None:
    for pipe in pipes:
        if len(path := str(pipe.path).encode()) > SOCKET_PATH_BYTES:
            raise PlanError(
                f"run_dir: the socket path {pipe.path} has {len(path)} bytes, "
                f"the system takes {SOCKET_PATH_BYTES}: choose a shorter folder"
            )


def _refuse_shared_ports(doors: Mapping[str, int]) -> None:
    owners: dict[int, str] = {}
    for owner, port in doors.items():
        if port in owners:
            raise PlanError(f"port {port}: {owners[port]} and {owner} must have different ports")
        owners[port] = owner
