"""Runs a critic's rule table without holding up the event loop."""

import asyncio
from collections.abc import Callable, Sequence

from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material

INLINE_CHARS = 4_000
"""Texts up to this length take about a millisecond a critic: less than a change of thread is worth."""


class RuleDetector:
    """The rule table of one mandate as a detector."""

    def __init__(self, mandate: Mandate) -> None:
        self.version = mandate.version
        self._detect: Callable[[Material], Sequence[Finding]] = mandate.detect

    async def detect(self, material: Material) -> Sequence[Finding]:
        """Return what the rules find."""
        if len(material.input) + len(material.output) + len(material.context) <= INLINE_CHARS:
            return self._detect(material)
        return await asyncio.to_thread(self._detect, material)
