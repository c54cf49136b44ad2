"""Values that the router's tests share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.core.account import Span
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan, Policy, plan
from services.router.core.request import CacheUse, Domain, Limits, Recovery, Request, Task, VotingRule

SHIPPED = read_catalogue(CATALOGUE)
PROMPTS = read_templates(TEMPLATES)
POLICY = Policy(providers=("local", "openai"), hedge_delay_s=10.0, limits=Limits())
SPAN = Span(started_at=datetime(2026, 1, 1, tzinfo=UTC), duration=timedelta(seconds=2))


GOOD = Request(query="How many days of leave do I have?", domain=Domain.GENERAL, task=Task.ANALYSIS, roles=("user",))


class Fields(TypedDict, total=False):
    """Fields of a request that a test may change, but for the query."""

    domain: Domain
    task: Task
    context: str
    additional_context: str
    max_output_tokens: int
    temperature: float | None
    strategy: str
    model: str
    json_schema: str
    voting_rule: VotingRule | None
    tool_count: int
    streamed: bool
    recovery: Recovery | None
    cache_use: CacheUse | None
    roles: tuple[str, ...]
    intent_key: str


class Changes(Fields, total=False):
    """All of them."""

    query: str


def asking(query: str = GOOD.query, **fields: Unpack[Fields]) -> Request:
    """Return a good request, or one with fields changed."""
    return replace(GOOD, query=query, **fields)


def planned(policy: Policy = POLICY, **changes: Unpack[Changes]) -> Plan:
    """Return the plan for a good request, or one with fields changed."""
    return plan(asking(**changes), policy, SHIPPED, PROMPTS, Outlook())
