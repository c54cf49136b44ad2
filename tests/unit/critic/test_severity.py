"""One unit, 0 to 3, and labels derived from it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magistrate.common.v1 import critique_pb2
from services.critic.core.severity import DetectorLabel, Label, clamp, detector_label, label, unit


@pytest.mark.spec("T9")
def test_the_contract_names_the_unit_of_every_severity() -> None:
    """A field that holds a severity says 0_3 in its name; no other scale is on the wire."""
    fields = [
        field.name
        for message in critique_pb2.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if "severity" in field.name
    ]

    assert fields == ["severity_0_3", "severity_0_3"]


@pytest.mark.spec("T9")
@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (0.0, Label.INFO),
        (0.59, Label.INFO),
        (0.6, Label.WARNING),
        (1.34, Label.WARNING),
        (1.35, Label.VIOLATION),
        (2.24, Label.VIOLATION),
        (2.25, Label.CRITICAL),
        (3.0, Label.CRITICAL),
    ],
)
def test_labels_are_read_off_the_0_3_scale(severity: float, expected: Label) -> None:
    """The borders 0.20, 0.45 and 0.75 are of the 0-1 reading, so 0.75 of 3 is a warning and not critical."""
    assert label(severity) is expected


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(0.0, DetectorLabel.S0), (0.5, DetectorLabel.S1), (1.0, DetectorLabel.S2), (2.0, DetectorLabel.S3)],
)
def test_detector_labels(severity: float, expected: DetectorLabel) -> None:
    """S0 is nothing at all; the other steps are thirds."""
    assert detector_label(severity) is expected


def test_a_broken_score_is_severe_not_clean() -> None:
    """Not-a-number must never pass for 0."""
    assert clamp(math.nan) == 3.0


@given(st.floats())
def test_every_reading_stays_in_its_bounds(value: float) -> None:
    """Whatever number comes, the scale holds."""
    assert 0.0 <= clamp(value) <= 3.0
    assert 0.0 <= unit(value) <= 1.0
