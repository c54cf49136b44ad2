"""What is rendered for each case in ``in/`` is what stands in ``out/``: a configuration, or the refusal.

``pytest tests/golden/envoy --update-golden`` rewrites ``out/`` and removes what no case asks for any more.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services import topology
from services.topology import Service
from tools.certs import Pki, Tokens
from tools.envoy import Door, Mesh, PlanError, Settings, edge_mesh, local_mesh, render, sidecar_mesh, to_yaml, validate

ROOM = Path(__file__).parent
CASES = sorted(path.stem for path in (ROOM / "in").glob("*.yaml"))
FOLDERS = {"run_dir": Path("/run/magistrate"), "certs_dir": Path("/etc/magistrate/certs")}
JWKS = Path("/etc/magistrate/jwt/jwks.json")


def expected_file(case: str) -> Path:
    """Return the file with what ``case`` must give: bad cases give one line of text."""
    return ROOM / "out" / f"{case}.{'txt' if case.startswith('bad_') else 'yaml'}"


def rendered(case: str) -> str:
    """Return what ``case`` gives now."""
    try:
        return to_yaml(render(plan(yaml.safe_load((ROOM / "in" / f"{case}.yaml").read_text()))))
    except PlanError as refusal:
        return f"{refusal}\n"


def plan(case: dict[str, Any]) -> Mesh:
    """Return the model that ``case`` describes."""
    given = {**FOLDERS, **case.get("settings", {})}
    given["run_dir"] = Path(given["run_dir"])
    if "providers" in given:
        given["providers"] = tuple(given["providers"])
    settings = Settings(**given, services=(*topology.SERVICES, *_providers(case.get("more_vendors", []))))
    door = Door(**{"jwks_file": JWKS, "port": 8443, **case.get("door", {})})
    if case["kind"] == "sidecar":
        return sidecar_mesh(settings, case["service"])
    return local_mesh(settings, door, case.get("ports")) if case["kind"] == "local" else edge_mesh(settings, door)


@pytest.mark.parametrize("case", CASES)
def test_rendering_is_as_expected(case: str, request: pytest.FixtureRequest) -> None:
    """Each case gives exactly its golden file; a bad one is refused with a line that says what would be right."""
    now = rendered(case)
    if request.config.getoption("--update-golden"):
        expected_file(case).parent.mkdir(exist_ok=True)
        expected_file(case).write_text(now)

    assert now == expected_file(case).read_text()


def test_no_expectation_is_without_a_case(request: pytest.FixtureRequest) -> None:
    """A golden file whose case is gone is removed with the flag, and is an error without it."""
    stale = set((ROOM / "out").iterdir()) - {expected_file(case) for case in CASES}
    if request.config.getoption("--update-golden"):
        for path in stale:
            path.unlink()
        stale = set()

    assert stale == set()


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("bad_")])
def test_the_real_envoy_accepts_the_expectation(case: str, tmp_path: Path) -> None:
    """Every golden configuration loads in the real binary, once its certificates exist."""
    config = (ROOM / "out" / f"{case}.yaml").read_text()
    copy = tmp_path / "envoy.yaml"
    copy.write_text(config.replace("/etc/magistrate", str(_state(tmp_path))))

    validate(copy)


def _state(folder: Path) -> Path:

    Pki(folder).create()
    Tokens(folder).create()
    return folder


def _providers(vendors: list[str]) -> tuple[Service, ...]:
    like = topology.BY_NAME["provider-local"]
    return tuple(
        Service(name=f"provider-{v}", room=like.room, port=7900 + n, rpc_services=like.rpc_services, vendor=v)
        for n, v in enumerate(vendors)
    )
