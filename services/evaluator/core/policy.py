"""The numbers that turn opinions into a verdict, as one versioned value (spec 2.7, 2.8, 2.10).

A version is never edited: whoever wants other numbers gives them another version, so that what was decided under a
policy can be decided under it again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite

from services.chassis.errors import CallerError, Kind, invalid

REFERENCE = re.compile(r"[a-z][a-z0-9-]{0,39}@[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where findings begin to count; every severity is 0-3, every share 0-1."""

    reference: str
    """Name and version, such as ``standard@1``."""
    violation_0_3: float = 2.0
    """From here on a finding is a violation: never better than constrained."""
    severe_0_3: float = 2.5
    """From here on a finding denies (rights, autonomy) or escalates (every other critic)."""
    average_constrains_0_3: float = 1.0
    """Mean of the adjusted severities from which an answer is constrained."""
    uncertainty_escalates: float = 0.6
    """Uncertainty from which such a mean escalates."""
    violations_escalate: int = 3
    """So many critics with a violation, half the bench, need a person (trap T3: the count stands beside the mean)."""
    opposed_alignment: float = -0.5
    """Below this, precedent decided such cases the other way, and a person must see it."""
    overall_escalates: float = 0.65
    """Overall uncertainty that asks for a person."""
    conflict_escalates: float = 0.75
    """Conflict of precedents that asks for a person."""
    review_severity_0_3: float = 1.5
    """Severity that makes a review due."""
    review_disagreement: float = 0.6
    """Disagreement of the critics that makes a review due."""
    min_critics: int = 2
    """With fewer opinions there is nothing to aggregate and no verdict is possible."""


STANDARD = Policy(reference="standard@1")
"""What is in force unless an operator says otherwise."""
CAUTIOUS = Policy(
    reference="cautious@1",
    violation_0_3=1.5,
    severe_0_3=2.0,
    average_constrains_0_3=0.75,
    uncertainty_escalates=0.5,
    violations_escalate=2,
)
"""Half a step earlier everywhere: a first candidate for whoever wants to know what that would change."""
BUILT_IN = (STANDARD, CAUTIOUS)

_SEVERITY, _SHARE = (0.0, 3.0), (0.0, 1.0)
_RANGES: Mapping[str, tuple[float, float]] = {
    "violation_0_3": _SEVERITY,
    "severe_0_3": _SEVERITY,
    "average_constrains_0_3": _SEVERITY,
    "uncertainty_escalates": _SHARE,
    "violations_escalate": (1, 6),
    "opposed_alignment": (-1.0, 1.0),
    "overall_escalates": _SHARE,
    "conflict_escalates": _SHARE,
    "review_severity_0_3": _SEVERITY,
    "review_disagreement": _SHARE,
    "min_critics": (1, 6),
}
NUMBERS = tuple(field.name for field in fields(Policy) if field.name != "reference")
"""The names of a policy's numbers."""


def policy(reference: str, numbers: Mapping[str, float], *, field: str = "policy") -> Policy:
    """Return the policy of these numbers; what is left out is as in ``standard@1``.

    Raises:
        CallerError: INVALID FIELD_REQUIRED, FIELD_MALFORMED or FIELD_OUT_OF_RANGE with the part of ``field`` at fault.
    """
    if not reference:
        raise invalid(f"{field}.reference", "must name the policy, such as strict@2", reason="FIELD_REQUIRED")
    if not REFERENCE.fullmatch(reference):
        problem = "must be a name of lower case letters, digits and dashes, @ and a version from 1, such as strict@2"
        raise invalid(f"{field}.reference", problem, reason="FIELD_MALFORMED")
    for name, number in numbers.items():
        low, high = _RANGES[name]
        if not (isfinite(number) and low <= number <= high):
            raise invalid(f"{field}.{name}", f"must be a number from {low:g} to {high:g}", value=str(number))
    # A table of types tells mypy nothing about the names in it; the ranges above have checked them.
    made = replace(STANDARD, reference=reference, **numbers)  # type: ignore[arg-type]
    if made.severe_0_3 < made.violation_0_3:
        problem = f"must not be below violation_0_3, which is {made.violation_0_3:g}"
        raise invalid(f"{field}.severe_0_3", problem, value=str(made.severe_0_3))
    return made


class Shelf:
    """The policies that can be named, and the one in force.

    Raises:
        CallerError: POLICY_NOT_FOUND, the one in force is none of them; DUPLICATE_ENTRY, two of them have one name.
    """

    def __init__(self, policies: Sequence[Policy] = BUILT_IN, *, in_force: str = STANDARD.reference) -> None:
        self._policies = {each.reference: each for each in policies}
        if len(self._policies) < len(policies):
            names = [each.reference for each in policies]
            twice = next(name for name in names if names.count(name) > 1)
            raise invalid("policies", "must name each policy once", reason="DUPLICATE_ENTRY", value=twice)
        self.in_force = self.named(in_force)

    def named(self, reference: str) -> Policy:
        """Return the policy of this name and version.

        Raises:
            CallerError: NOT_FOUND POLICY_NOT_FOUND, with those that there are.
        """
        found = self._policies.get(reference)
        if found is None:
            known = ", ".join(self._policies)
            raise CallerError(
                Kind.NOT_FOUND,
                "POLICY_NOT_FOUND",
                f"there is no policy {reference[:64]}; there are {known}",
                metadata={"policy": reference[:64], "known": known},
            )
        return found
