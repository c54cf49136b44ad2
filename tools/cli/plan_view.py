"""A planned route for people: who would be asked, why, who would not, and what it would cost."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from magistrate.router.v1.router_pb2 import PlanRouteResponse
from tools.cli.marks import dollars, span


def show(plan: PlanRouteResponse, console: Console) -> None:
    """Print ``plan``."""
    console.print(Group(*_sections(plan)))


def _sections(plan: PlanRouteResponse) -> Iterator[RenderableType]:
    yield from _titled("order", _models(plan))
    yield from _titled("left out", _left_out(plan))
    yield from _titled("plan", _facts(plan))


def _titled(title: str, table: Table) -> Iterator[RenderableType]:
    if table.row_count:
        yield Text(title, style="bold cyan")
        yield table
        yield Text()


def _models(plan: PlanRouteResponse) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    for model in plan.models:
        cost = dollars(model.estimated_cost.micro_usd)
        table.add_row(model.place, model.name, model.provider, model.tier, cost, Text(model.figure, style="dim"))
    return table


def _left_out(plan: PlanRouteResponse) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    for model in plan.left_out:
        table.add_row(model.name, model.provider, Text(model.reason, style="dim"))
    return table


def _facts(plan: PlanRouteResponse) -> Table:
    route, table = plan.route, Table.grid(padding=(0, 2), pad_edge=True)
    table.add_row("strategy", route.strategy)
    table.add_row("why", Text(route.explanation))
    if route.HasField("complexity"):
        table.add_row("complexity", f"{route.complexity:.1f}")
    if route.champion_version:
        explored = ", a challenger first" if route.explored else ""
        table.add_row("champion", f"version {route.champion_version}, probability {route.propensity:g}{explored}")
    table.add_row("template", route.template)
    cost = dollars(plan.estimated_cost.micro_usd)
    table.add_row("estimate", f"{plan.estimated_input_tokens} tokens to read, {cost} at the token limit of the answer")
    if route.HasField("hedge_delay"):
        table.add_row("next joins", f"after {span(route.hedge_delay)}, or at once on a failure")
    return table
