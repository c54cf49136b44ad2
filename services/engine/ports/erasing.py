"""What erasing a person needs: a store that remembers, and everybody who keeps content about people."""

from collections.abc import Sequence
from typing import Protocol

from services.engine.core.decision import Evidence
from services.engine.core.erasure import Erasure


class Erasures(Protocol):
    """Erasures on their way, and the engine's own copies, in one store."""

    async def note(self, tenant: str, identity: str, subject_id: str, legal_basis: str) -> Erasure:
        """Return the erasure of this id, noted durably now or before."""
        ...

    async def get(self, tenant: str, identity: str) -> Erasure | None:
        """Return an erasure, or None."""
        ...

    async def due(self) -> Sequence[Erasure]:
        """Take the erasures that are to be gone on with; no two processes take one at a time."""
        ...

    async def count_open(self) -> int:
        """Return how many are not complete."""
        ...

    async def confirm(self, erasure: Erasure, owner: str, count: int, evidence: Evidence | None) -> None:
        """Note that an owner has nothing readable any more; counts of one owner add up, the first evidence stands."""
        ...

    async def blank_decisions(self, erasure: Erasure, owner: str, more: int) -> None:
        """Blank the decisions about the person and confirm it, both or neither; ``more`` pieces went elsewhere."""
        ...

    async def release(self, erasure: Erasure) -> None:
        """Let it be gone on with in a moment: whoever took it has done what could be done now."""
        ...

    async def complete(self, erasure: Erasure) -> None:
        """Note that it is over, and forget whom it was about."""
        ...


class Owners(Protocol):
    """The other services that keep content about people. Every call may be repeated."""

    async def destroy_keys(self, erasure: Erasure, repeat: str) -> tuple[int, Evidence | None]:
        """Have the log make its content unreadable and say so; return how many records, and the record of it.

        Args:
            erasure: Whom, and why.
            repeat: The same text is answered alike.
        """
        ...

    async def erase_reviews(self, erasure: Erasure) -> int:
        """Have the review packets about the person blanked; return how many."""
        ...

    async def forget_answers(self, erasure: Erasure) -> int:
        """Have forgotten what was learned of the person, and the answers that are kept for reuse; return how many."""
        ...

    async def confirm(self, erasure: Erasure) -> None:
        """Put on record which owners have confirmed."""
        ...


class Spooled(Protocol):
    """What waits on this machine's disk."""

    async def forget(self, erasure: Erasure) -> int:
        """Take the content of the person out of what waits; return of how many items."""
        ...
