"""`magistrate models`: what can answer."""

from magistrate.router.v1.router_pb2 import ListModelsRequest, Model, ModelHealth
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.connection import connection
from tools.cli.marks import dollars, span
from tools.cli.screen import listing, screen
from tools.cli.wire import as_text

_HEALTH = {
    ModelHealth.MODEL_HEALTH_UNSPECIFIED: "unknown",
    ModelHealth.MODEL_HEALTH_HEALTHY: "healthy",
    ModelHealth.MODEL_HEALTH_UNHEALTHY: "unhealthy",
}


def models(
    *,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """List the models of the catalogue: provider, tier, price, expected quality and speed, abilities, and which serve.

    A time to the first token that was measured counts before the expected one, which stands in brackets.
    """
    with connection(state_dir) as channel:
        reply = RouterServiceStub(channel).ListModels(ListModelsRequest(), timeout=timeout_s)
    if as_json:
        print(as_text(reply))
        return
    columns = (
        *("model", "provider", "tier", "context", "in / 1M", "out / 1M"),
        *("quality", "first token", "can", "serves"),
    )
    table = listing(*columns)
    for model in reply.models:
        table.add_row(
            model.name,
            model.provider,
            model.tier,
            str(model.context_tokens),
            dollars(model.input_price_per_million.micro_usd),
            dollars(model.output_price_per_million.micro_usd),
            f"{model.expected_quality:.2f}",
            _first_token(model),
            ", ".join(model.capabilities),
            _HEALTH[model.health] if model.enabled else "no",
        )
    screen().print(table)


def _first_token(model: Model) -> str:
    if model.HasField("measured_first_token"):
        return span(model.measured_first_token)
    return f"({span(model.expected_first_token)})"
