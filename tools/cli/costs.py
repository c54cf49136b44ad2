"""`magistrate costs`: what a day has cost, what remains of it, and what the caches save."""

import json
from typing import Annotated

import typer
from rich.table import Table

from magistrate.router.v1.router_pb2 import GetCacheStatsRequest, GetCostSummaryRequest, GetCostSummaryResponse
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.cache_view import TITLE, cache_rates
from tools.cli.connection import connection
from tools.cli.marks import dollars
from tools.cli.screen import listing, screen
from tools.cli.text import counted
from tools.cli.wire import as_dict


def costs(
    *,
    day: Annotated[str, typer.Option("--day", metavar="YYYY-MM-DD", help="UTC day; today unless given.")] = "",
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Tell what a day has cost: in all, by model and by user, what remains of the budget, and the caches' hit rates."""
    with connection(state_dir) as channel:
        router = RouterServiceStub(channel)
        reply = router.GetCostSummary(GetCostSummaryRequest(day=day), timeout=timeout_s)
        caches = router.GetCacheStats(GetCacheStatsRequest(), timeout=timeout_s)
    if as_json:
        print(json.dumps(as_dict(reply) | {"caches": as_dict(caches)["levels"]}, indent=2))
        return
    screen().print(headline(reply), soft_wrap=True)
    if reply.by_model:
        screen().print(_models(reply))
    if reply.by_user:
        screen().print(_users(reply))
    screen().print(TITLE, soft_wrap=True)
    screen().print(cache_rates(caches))


def headline(reply: GetCostSummaryResponse) -> str:
    """Return the day in one line."""
    parts = [f"{reply.day}: {dollars(reply.total.micro_usd)} for {counted(reply.requests, 'request')}"]
    if reply.requests:
        parts.append(f"{dollars(reply.total.micro_usd / reply.requests)} each")
    if reply.held.micro_usd:
        parts.append(f"{dollars(reply.held.micro_usd)} held for calls in flight")
    limited = reply.HasField("daily_limit")
    parts.append(
        f"{dollars(reply.remaining.micro_usd)} of {dollars(reply.daily_limit.micro_usd)} remain"
        if limited
        else "no limit"
    )
    return ", ".join(parts)


def _models(reply: GetCostSummaryResponse) -> Table:
    table = listing("model", "provider", "tries", "tokens in", "tokens out", "cost")
    for model in reply.by_model:
        about = "~" if model.usage.estimated else ""
        table.add_row(
            model.model,
            model.provider,
            f"{model.attempts:,}",
            f"{about}{model.input_tokens:,}",
            f"{about}{model.output_tokens:,}",
            dollars(model.cost.micro_usd),
        )
    return table


def _users(reply: GetCostSummaryResponse) -> Table:
    table = listing("user", "requests", "cost", "held", "remains")
    for user in reply.by_user:
        remains = dollars(user.remaining.micro_usd) if user.HasField("daily_limit") else "no limit"
        table.add_row(
            user.subject, f"{user.requests:,}", dollars(user.cost.micro_usd), dollars(user.held.micro_usd), remains
        )
    return table
