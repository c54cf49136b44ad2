"""One piece of evidence, as a detector of any kind hands it to a critic."""

from dataclasses import dataclass

from services.critic.core.material import Span
from services.critic.core.vocabulary import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place in the material that speaks for a violation."""

    rule_id: str
    """The rule or model output that found it."""
    category: str
    description: str
    """What is wrong, in words that never quote the text."""
    side: Side
    span: Span
    weight: float
    """How strongly it counts before the side is weighed, 0-1."""
    clause_id: str | None = None
    """The clause that it touches, if the evidence is strong enough to raise one."""
    critical: bool = False
    """Whether the category carries a severity floor of its own."""
