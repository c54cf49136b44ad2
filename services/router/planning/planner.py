"""Plans a call: looks at the world once, decides, and has the tokens counted where an estimate is not enough."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.router.core.catalogue import Catalogue
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan, Policy, plan
from services.router.core.prompt import Template
from services.router.core.request import Request
from services.router.ports import Lookout, Providers, Unanswered


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Makes plans; spends nothing."""

    policy: Policy
    catalogue: Catalogue
    templates: Sequence[Template]
    lookout: Lookout
    providers: Providers

    async def explain(self, request: Request) -> Plan:
        """Return what would be done, calling no provider. Raises as ``core.plan.plan``."""
        return self._plan(request, await self.lookout.look(request, dry=True))

    async def plan(self, request: Request) -> Plan:
        """Return what is to be done. Raises as ``core.plan.plan``."""
        outlook = await self.lookout.look(request)
        planned = self._plan(request, outlook)
        if not planned.is_near_a_limit(self.policy.limits.prompt_tokens):
            return planned
        try:
            tokens = await self.providers.count_tokens(planned)
        except Unanswered:
            return planned  # without a tokenizer the estimate stands
        return self._plan(request, outlook, counted_tokens=tokens)

    def _plan(self, request: Request, outlook: Outlook, *, counted_tokens: int | None = None) -> Plan:
        return plan(request, self.policy, self.catalogue, self.templates, outlook, counted_tokens=counted_tokens)
