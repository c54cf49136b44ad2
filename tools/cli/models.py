"""`magistrate models`: what can answer."""

from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson
from rich.table import Table

from magistrate.router.v1.router_pb2 import ListModelsRequest, Model, ModelHealth
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.connection import connection
from tools.cli.marks import span
from tools.cli.screen import screen

_HEALTH = {
    ModelHealth.MODEL_HEALTH_UNSPECIFIED: "-",
    ModelHealth.MODEL_HEALTH_HEALTHY: "healthy",
    ModelHealth.MODEL_HEALTH_UNHEALTHY: "unhealthy",
}
_MICRO = 1_000_000


def models(
    *,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds to wait.")] = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """List the models of the catalogue: provider, tier, price, expected quality and speed, capabilities, health.

    A time to the first token that was measured counts before the expected one, which stands in brackets.
    """
    with connection(state_dir) as channel:
        reply = RouterServiceStub(channel).ListModels(ListModelsRequest(), timeout=timeout_s)
    if as_json:
        print(MessageToJson(reply))
        return
    columns = (
        *("model", "provider", "tier", "context", "in / 1M", "out / 1M"),
        *("quality", "first token", "can", "enabled", "health"),
    )
    table = Table(*columns, box=None, pad_edge=False)
    for model in reply.models:
        table.add_row(
            model.name,
            model.provider,
            model.tier,
            str(model.context_tokens),
            _price(model.input_price_per_million.micro_usd),
            _price(model.output_price_per_million.micro_usd),
            f"{model.expected_quality:.2f}",
            _first_token(model),
            ", ".join(model.capabilities),
            "yes" if model.enabled else "no",
            _HEALTH[model.health],
        )
    screen().print(table)


def _first_token(model: Model) -> str:
    if model.HasField("measured_first_token"):
        return span(model.measured_first_token)
    return f"({span(model.expected_first_token)})"


def _price(micro_usd: int) -> str:
    return f"${micro_usd / _MICRO:.2f}"
