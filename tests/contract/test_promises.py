"""The reasons that the contract names for its methods."""

import pytest

from magistrate.common.v1.error_pb2 import ErrorReason
from tests.contract.promises import reasons

KNOWN = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - an enum, not a mapping
AREAS = ("context", "critic", "engine", "evaluator", "provider", "recorder", "router")
"""All but the gate, whose contracts are Envoy's own."""


@pytest.mark.spec("ENG-44")
@pytest.mark.parametrize("area", AREAS)
def test_every_named_reason_exists(area: str) -> None:
    """No comment names a reason that nobody can send."""
    named = reasons(area)

    assert named
    assert {method: found - KNOWN for method, found in named.items() if found - KNOWN} == {}


def test_references_are_followed() -> None:
    """What holds "as Append" is what Append names."""
    assert reasons("recorder")["AppendStream"] == reasons("recorder")["Append"] > {"QUEUE_FULL"}
