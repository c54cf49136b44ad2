"""What Envoy's own validation lets pass is found before anything is started."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.certs import Pki, Tokens
from tools.envoy import ConfigError, Door, Settings, check, local_mesh, render, validate, write
from tools.envoy.typed import Config

Damage = Callable[[Config], object]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return a sound configuration whose files exist."""
    pki, tokens = Pki(tmp_path), Tokens(tmp_path)
    pki.create()
    tokens.create()
    settings = Settings(run_dir=tmp_path / "run", certs_dir=pki.certs, providers=("local", "openai"))
    return render(local_mesh(settings, Door(jwks_file=tokens.jwks_file, port=8443)))


def listener(config: Config, name: str) -> Config:
    """Return the listener ``name``."""
    return next(each for each in config["static_resources"]["listeners"] if each["name"] == name)


def manager(config: Config, name: str) -> Config:
    """Return the connection manager of the listener ``name``."""
    found: Config = listener(config, name)["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def without_a_member(config: Config) -> None:
    """Name a cluster that does not exist in an order of providers."""
    order = next(c for c in config["static_resources"]["clusters"] if c["name"].startswith("order."))
    order["cluster_type"]["typed_config"]["clusters"].append("router-to-nobody")


def with_a_doubled_listener(config: Config) -> None:
    """Give two listeners one name."""
    listener(config, "critic-egress")["name"] = "engine-egress"


def with_a_doubled_address(config: Config) -> None:
    """Let two listeners listen at the same place."""
    listener(config, "critic-egress")["address"] = listener(config, "engine-egress")["address"]


def without_a_route(config: Config) -> None:
    """Take away the engine's way to the recorder."""
    (host,) = manager(config, "engine-egress")["route_config"]["virtual_hosts"]
    host["routes"] = [
        r for r in host["routes"] if r["match"].get("path") != "/magistrate.recorder.v1.RecorderService/Append"
    ]


def open_to_another(config: Config) -> None:
    """Let the evaluator append where only the topology's producers may."""
    policies = manager(config, "provider-local-ingress")["http_filters"][0]["typed_config"]["rules"]["policies"]
    name = {"exact": "spiffe://magistrate.local/ns/magistrate/sa/evaluator"}
    policies["from-router"]["principals"].append({"authenticated": {"principal_name": name}})


def open_beyond_the_contract(config: Config) -> None:
    """Admit a path that the topology does not know."""
    policies = manager(config, "provider-local-ingress")["http_filters"][0]["typed_config"]["rules"]["policies"]
    policies["from-router"]["permissions"][0]["or_rules"]["rules"].append({"url_path": {"path": {"exact": "/a.B/C"}}})


def without_keys(config: Config) -> None:
    """Name a key set that is not there."""
    for http_filter in manager(config, "edge")["http_filters"]:
        if http_filter["name"] == "envoy.filters.http.jwt_authn":
            http_filter["typed_config"]["providers"]["magistrate"]["local_jwks"]["filename"] = "/nowhere/jwks.json"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (without_a_member, "member router-to-nobody does not exist"),
        (with_a_doubled_listener, "listener engine-egress: 2 have this name"),
        (with_a_doubled_address, "2 listeners share it"),
        (without_a_route, "listener engine-egress: no route for /magistrate.recorder.v1.RecorderService/Append"),
        (open_to_another, "ProviderService/Generate must be open to spiffe://magistrate.local/ns/magistrate/sa/router"),
        (open_beyond_the_contract, "/a.B/C is open but not in the topology"),
        (without_keys, "file /nowhere/jwks.json: does not exist"),
    ],
)
def test_damage_is_found(config: Config, damage: Damage, complaint: str) -> None:
    """Each kind of damage is named; a sound configuration passes."""
    check(config)
    damage(config)

    with pytest.raises(ConfigError) as caught:
        check(config)
    assert complaint in str(caught.value)


def test_a_missing_certificate_is_found(config: Config, tmp_path: Path) -> None:
    """Envoy would start without it and refuse every connection."""
    missing = tmp_path / "certs" / "sds" / "engine_leaf.yaml"
    missing.unlink()

    with pytest.raises(ConfigError, match=r"engine_leaf\.yaml: does not exist"):
        check(config)


def test_the_real_envoy_has_the_first_word(config: Config, tmp_path: Path) -> None:
    """A field that Envoy does not know is refused in Envoy's own words; a sound file passes both."""
    sound, broken = tmp_path / "sound.yaml", tmp_path / "broken.yaml"
    write(config, sound)
    write({**config, "no_such_field": 1}, broken)

    validate(sound)
    with pytest.raises(ConfigError, match="no_such_field"):
        validate(broken)


def test_a_written_file_is_private_and_without_anchors(config: Config, tmp_path: Path) -> None:
    """The file is the owner's only, and each part of it can be read where it stands."""
    path = tmp_path / "envoy.yaml"
    write(config, path)

    assert path.stat().st_mode & 0o077 == 0
    assert "&id" not in path.read_text()
