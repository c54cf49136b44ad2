"""A second replica of a service, put into a rendered configuration: what DNS gives in a cluster of machines."""

import copy
from typing import Any

from tools.envoy.typed import Config


def twin_name(service: str) -> str:
    """Return the name of the second replica: of its backend and of its socket."""
    return f"{service}-twin"


def add_twin(config: Config, service: str, port: int, twin_port: int) -> None:
    """Let everybody who reaches ``service`` at ``port`` reach a second replica at ``twin_port``, too."""
    listeners, clusters = (config["static_resources"][kind] for kind in ("listeners", "clusters"))
    door = copy.deepcopy(_named(listeners, f"{service}-ingress"))
    door["name"] = f"{twin_name(service)}-ingress"
    door["address"]["socket_address"]["port_value"] = twin_port
    app = copy.deepcopy(_named(clusters, f"{service}-app"))
    app["name"] = app["load_assignment"]["cluster_name"] = f"{twin_name(service)}-app"
    pipe = _hosts(app)[0]["endpoint"]["address"]["pipe"]
    pipe["path"] = pipe["path"].replace(f"{service}.sock", f"{twin_name(service)}.sock")
    manager = door["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] = app["name"]
    for cluster in clusters:
        _add_host(cluster, port, twin_port)
    listeners.append(door)
    clusters.append(app)


def _add_host(cluster: Config, port: int, twin_port: int) -> None:
    for host in list(_hosts(cluster)):
        address = host["endpoint"]["address"].get("socket_address", {})
        if address.get("port_value") == port:
            other = copy.deepcopy(host)
            other["endpoint"]["address"]["socket_address"]["port_value"] = twin_port
            _hosts(cluster).append(other)


def _hosts(cluster: Config) -> list[Config]:
    assignment: list[Any] = cluster.get("load_assignment", {}).get("endpoints", [])
    return assignment[0]["lb_endpoints"] if assignment else []


def _named(resources: list[Config], name: str) -> Config:
    return next(resource for resource in resources if resource["name"] == name)
