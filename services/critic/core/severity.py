"""The one severity scale of the mesh, 0 to 3, and its readings in the scales that people still quote (spec 2.4).

Every number named ``severity_0_3`` is on this scale. The other scales exist only as labels derived here, so that a
policy can never compare numbers of two units (trap T9).
"""

from enum import StrEnum

NONE = 0.0
MINOR = 1.0
MODERATE = 2.0
SEVERE = 3.0

_WARNING_AT, _VIOLATION_AT, _CRITICAL_AT = 0.60, 1.35, 2.25
"""0.20, 0.45 and 0.75 of the whole scale."""
_S2_AT, _S3_AT = 0.99, 1.98
"""0.33 and 0.66 of the whole scale."""


class Label(StrEnum):
    """A severity in words."""

    INFO = "info"
    WARNING = "warning"
    VIOLATION = "violation"
    CRITICAL = "critical"


class DetectorLabel(StrEnum):
    """A severity in the four steps that detectors report."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"


def clamp(value: float, *, cap: float = SEVERE) -> float:
    """Return ``value`` held between 0 and ``cap``; not-a-number becomes ``cap``: a broken score must not look clean."""
    return max(NONE, min(cap, value)) if value == value else cap  # noqa: PLR0124 - NaN is the only value unequal to itself


def unit(severity_0_3: float) -> float:
    """Return the severity on the 0-1 scale."""
    return clamp(severity_0_3) / SEVERE


def label(severity_0_3: float) -> Label:
    """Return the severity in words."""
    severity = clamp(severity_0_3)
    if severity < _WARNING_AT:
        return Label.INFO
    if severity < _VIOLATION_AT:
        return Label.WARNING
    return Label.VIOLATION if severity < _CRITICAL_AT else Label.CRITICAL


def detector_label(severity_0_3: float) -> DetectorLabel:
    """Return the severity as a detector would print it."""
    severity = clamp(severity_0_3)
    if severity <= NONE:
        return DetectorLabel.S0
    if severity < _S2_AT:
        return DetectorLabel.S1
    return DetectorLabel.S2 if severity < _S3_AT else DetectorLabel.S3
