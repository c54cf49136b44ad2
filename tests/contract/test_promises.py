"""The reasons that the contract names for its methods."""

import pytest

from magistrate.common.v1.error_pb2 import ErrorReason
from tests.contract.promises import PROTOS, reasons

KNOWN = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - an enum, not a mapping
AREAS = sorted(file.stem for file in PROTOS.glob("*/v1/*.proto") if "\nservice " in file.read_text(encoding="utf-8"))


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
