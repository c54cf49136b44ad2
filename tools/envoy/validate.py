"""Is a configuration sound? Envoy says what it can, this file what Envoy overlooks until a call fails."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services import topology
from tools.envoy.process import binary
from tools.envoy.rbac import HEALTH_PATHS
from tools.envoy.typed import Config


class ConfigError(ValueError):
    """A configuration that Envoy refuses or that could not serve; one problem per line."""


def validate(path: Path) -> None:
    """Have Envoy load the file at ``path`` without serving (about 0.1 s), then ``check`` it.

    Raises:
        ConfigError: Envoy refuses it, or ``check`` finds a problem.
    """
    arguments = [str(binary()), "--mode", "validate", "--log-level", "error", "--config-path", str(path)]
    outcome = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise ConfigError(outcome.stderr.strip())
    check(yaml.load(path.read_text(), Loader=yaml.CSafeLoader))


def check(config: Config) -> None:
    """Raise ``ConfigError`` with every problem of ``config`` that Envoy's own validation lets pass."""
    problems = [
        *_unknown_clusters(config),
        *_shared_names_and_addresses(config),
        *_missing_files(config),
        *_unreachable_methods(config),
        *_wrong_permissions(config),
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def _unknown_clusters(config: Config) -> Iterator[str]:
    """Envoy accepts an aggregate whose member does not exist, and answers 503 later."""
    clusters = config["static_resources"]["clusters"]
    known = {cluster["name"] for cluster in clusters}
    for cluster in clusters:
        members = cluster.get("cluster_type", {}).get("typed_config", {}).get("clusters", [])
        yield from (f"cluster {cluster['name']}: member {name} does not exist" for name in members if name not in known)
    for listener in _listeners(config):
        for route in _routes(listener):
            name = route.get("route", {}).get("cluster")
            if name is not None and name not in known:
                yield f"listener {listener['name']}: cluster {name} does not exist"


def _shared_names_and_addresses(config: Config) -> Iterator[str]:
    """Envoy serves only one of two listeners of the same name, and says nothing."""
    names = Counter(listener["name"] for listener in _listeners(config))
    clusters = Counter(cluster["name"] for cluster in config["static_resources"]["clusters"])
    addresses = Counter(str(sorted(_address(listener).items())) for listener in _listeners(config))
    yield from (f"listener {name}: {count} have this name" for name, count in names.items() if count > 1)
    yield from (f"cluster {name}: {count} have this name" for name, count in clusters.items() if count > 1)
    yield from (f"address {address}: {count} listeners share it" for address, count in addresses.items() if count > 1)


def _missing_files(config: Config) -> Iterator[str]:
    """Envoy starts without its certificates and then refuses every connection."""
    for secret in sorted(set(_values(config, "path_config_source", "path"))):
        if not Path(secret).exists():
            yield f"file {secret}: does not exist"
            continue
        for name in _values(yaml.safe_load(Path(secret).read_text()), "", "filename"):
            if not Path(name).exists():
                yield f"file {name}: does not exist, {secret} names it"
    for name in _values(config, "local_jwks", "filename"):
        if not Path(name).exists():
            yield f"file {name}: does not exist"


def _unreachable_methods(config: Config) -> Iterator[str]:
    """Every caller of the topology finds a route to each method that it may call on a service of this mesh."""
    callees = {cluster["name"] for cluster in config["static_resources"]["clusters"]}
    for listener in _listeners(config):
        caller = listener["name"].removesuffix("-egress")
        if caller not in (*topology.BY_NAME, topology.EDGE):
            continue
        routed = {route["match"]["path"] for route in _routes(listener) if "route" in route}
        for service in topology.callees(caller):
            if f"{caller}-to-{service.name}" in callees and service.name != "gate":
                wanted = {topology.path(s, rpc) for s, rpc in topology.methods(service) if caller in rpc.allowed}
                yield from (f"listener {listener['name']}: no route for {path}" for path in sorted(wanted - routed))


def _wrong_permissions(config: Config) -> Iterator[str]:
    """Every ingress lets exactly the topology's callers through, method by method."""
    for listener in _listeners(config):
        service = topology.BY_NAME.get(listener["name"].removesuffix("-ingress"))
        if service is None or not listener["name"].endswith("-ingress"):
            continue
        given = _permissions(listener)
        for rpc_service, rpc in topology.methods(service):
            path = topology.path(rpc_service, rpc)
            wanted = {topology.spiffe_id(caller) for caller in rpc.allowed}
            if given.pop(path, set()) != wanted:
                yield f"listener {listener['name']}: {path} must be open to {', '.join(sorted(wanted)) or 'nobody'}"
        yield from (
            f"listener {listener['name']}: {path} is open but not in the topology"
            for path in given
            if path not in HEALTH_PATHS
        )


def _permissions(listener: Config) -> dict[str, set[str]]:
    given: dict[str, set[str]] = {}
    for http_filter in _manager(listener)["http_filters"]:
        if http_filter["name"] != "envoy.filters.http.rbac":
            continue
        for policy in http_filter["typed_config"]["rules"]["policies"].values():
            names = {
                principal["authenticated"]["principal_name"]["exact"]
                for principal in policy["principals"]
                if "authenticated" in principal
            }
            for permission in policy["permissions"]:
                for rule in permission["or_rules"]["rules"]:
                    given.setdefault(rule["url_path"]["path"]["exact"], set()).update(names)
    return given


def _listeners(config: Config) -> list[Config]:
    listeners: list[Config] = config["static_resources"]["listeners"]
    return listeners


def _manager(listener: Config) -> Config:
    manager: Config = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def _routes(listener: Config) -> Iterator[Config]:
    for host in _manager(listener)["route_config"]["virtual_hosts"]:
        yield from host["routes"]


def _address(listener: Config) -> dict[str, Any]:
    (where,) = listener["address"].values()
    return {key: value for key, value in where.items() if key != "mode"}


def _values(node: object, parent: str, key: str) -> Iterator[str]:
    """Yield each text at ``parent.key`` (any parent where it is empty) anywhere below ``node``."""
    if isinstance(node, dict):
        for name, child in node.items():
            if isinstance(child, dict) and (name == parent or not parent) and isinstance(child.get(key), str):
                yield child[key]
            yield from _values(child, parent, key)
    elif isinstance(node, list):
        for child in node:
            yield from _values(child, parent, key)
