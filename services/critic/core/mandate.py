"""What one critic is for, and the numbers by which it weighs its own findings (spec 2.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.critic.core.finding import Finding
from services.critic.core.material import Material
from services.critic.core.severity import SEVERE
from services.critic.core.vocabulary import CriticName

CONCERN_AT = 1.0
"""Severity from which a concern stands word for word in the aggregate (spec 2.5)."""


def _once(_: Material) -> float:
    return 1.0


def _no_floor(_: Sequence[Finding], __: Material) -> float:
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One scoring critic, as data and pure functions of the material alone."""

    name: CriticName
    purpose: str
    detect: Callable[[Material], tuple[Finding, ...]]
    """The critic's own rules. The signature is its isolation: no peer, no earlier result can reach it."""
    rules_version: str
    threshold_0_3: float = CONCERN_AT
    input_weight: float = 0.3
    """How much a finding in the input counts beside one in the output."""
    scale: float = SEVERE
    """What a score of 1 comes to."""
    cap_0_3: float = SEVERE
    multiplier: Callable[[Material], float] = _once
    floor: Callable[[Sequence[Finding], Material], float] = _no_floor

    @property
    def version(self) -> str:
        """Return name and version, such as ``rights@1``."""
        return f"{self.name.value}@{self.rules_version}"
