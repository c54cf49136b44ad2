"""Values that the router's tests share."""

from datetime import UTC, datetime, timedelta

from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.core.account import Span
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan, Policy, plan
from services.router.core.request import Domain, Limits, Request, Task

SHIPPED = read_catalogue(CATALOGUE)
PROMPTS = read_templates(TEMPLATES)
POLICY = Policy(providers=("local", "openai"), hedge_delay_s=10.0, limits=Limits())
SPAN = Span(started_at=datetime(2026, 1, 1, tzinfo=UTC), duration=timedelta(seconds=2))


def asking(query: str = "How many days of leave do I have?", **changes: object) -> Request:
    """Return a good request, or one with fields changed."""
    good = {"query": query, "domain": Domain.GENERAL, "task": Task.ANALYSIS, "roles": ("user",)}
    return Request(**{**good, **changes})  # type: ignore[arg-type]  # the changed field is the test


def planned(policy: Policy = POLICY, **changes: object) -> Plan:
    """Return the plan for a good request, or one with fields changed."""
    return plan(asking(**changes), policy, SHIPPED, PROMPTS, Outlook())  # type: ignore[arg-type]  # as above
