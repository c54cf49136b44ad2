"""What is seen of the world before a plan is made."""

from collections.abc import Mapping
from typing import Protocol

from services.router.core.outlook import Outlook
from services.router.core.request import Request


class Lookout(Protocol):
    """Looks at the world before a plan is made."""

    async def look(self, request: Request, *, dry: bool = False) -> Outlook:
        """Return the outlook for ``request`` of the current call's tenant and user; never raises for what is away.

        A look is ``dry`` where no call follows: it takes nobody's turn to probe a sick provider.
        """
        ...


class Health(Protocol):
    """What was last seen of each provider."""

    def ill(self, provider: str) -> bool:
        """Tell whether it did not answer several times in a row."""
        ...

    def seen(self, provider: str) -> bool | None:
        """Tell whether it answered; None where it was not asked yet."""
        ...


class Pace(Protocol):
    """How fast models were seen to be."""

    def first_tokens_s(self) -> Mapping[str, float]:
        """Return the measured 95th percentile of the time to the first token by model; only what is known well."""
        ...


class History(Protocol):
    """How good the answers of the current call's user were."""

    async def report(self, *, good: bool) -> None:
        """Count one more answer. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def success_rate(self) -> float | None:
        """Return the share of good answers, 0 to 1; None where too few are known. Raises as ``report``."""
        ...

    async def forget(self, subject: str) -> int:
        """Forget a user of the current call's tenant; return 1, or 0 where none was known. Raises as ``report``."""
        ...
