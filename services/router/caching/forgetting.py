"""Forget a person: what was learned of them, and every kept answer of their tenant.

Answers do not say for whom they were made, and a text may name somebody who did not ask for it. A cache may always be
lost, so all of the tenant's go: whatever it held of the person is gone with them.
"""

from dataclasses import dataclass

from services.chassis import call
from services.router.caching.epochs import Epochs
from services.router.caching.ports import Kept
from services.router.core.caching.epoch import Scope
from services.router.ports import History


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """Forgets, on every replica; it may be repeated."""

    epochs: Epochs
    kept: tuple[Kept, ...]
    history: History

    async def forget(self, subject: str) -> int:
        """Return how many pieces went: the person's history and the tenant's kept answers.

        Raises:
            WorldError: STORE_UNAVAILABLE, something may be left; repeat it.
        """
        tenant = call.tenant()
        # First the new epoch: what is still made under the old one is found by nobody.
        await self.epochs.invalidate(tenant, Scope())
        answers = [await kept.clear(tenant) for kept in self.kept]
        return sum(answers) + await self.history.forget(subject)
