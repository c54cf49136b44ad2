"""What the panel needs: detectors of any kind, as long as they see the material and nothing else."""

from collections.abc import Sequence
from typing import Protocol

from services.critic.core.finding import Finding
from services.critic.core.material import Material


class Detector(Protocol):
    """Finds evidence for one critic: a rule table, nearness of embeddings, a trained classifier, a model that is asked.

    Whatever it is made of, it gets the material alone; the argument list is what keeps critics apart (spec 2.5).
    """

    @property
    def version(self) -> str:
        """Name and version of its rules or weights, such as ``rights@1``; it changes whenever its findings may."""
        ...

    async def detect(self, material: Material) -> Sequence[Finding]:
        """Return what speaks for a violation.

        Whatever it raises makes its critic unavailable for this case: half of the evidence is no judgement.
        """
        ...
