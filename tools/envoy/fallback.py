"""Parallel fallback between providers: any order per request, hedged after a delay, moved on at once on a failure."""

from tools.envoy.connection import answer
from tools.envoy.deadline import max_stream_duration
from tools.envoy.model import CALL_HEADER, PROVIDERS_HEADER, Direct, Fallback, Method, Order
from tools.envoy.reply import NO_PROVIDER_STATUS
from tools.envoy.retry import REQUEST_BUFFER_BYTES, in_order, unprocessed
from tools.envoy.typed import Config, exactly, seconds


def fallback_routes(fallback: Fallback) -> list[Config]:
    """Return a route per order and method, one per vendor and method, and the refusal of any other order.

    The header picks a route by its exact value, so that it can name no cluster beside these.
    """
    return [
        *(_order_route(fallback, order, path) for order in fallback.orders for path in fallback.hedged),
        *(_direct_route(direct, method) for direct in fallback.directs for method in fallback.methods),
        *(answer({"path": method.path}, NO_PROVIDER_STATUS) for method in fallback.methods),
    ]


def _order_route(fallback: Fallback, order: Order, path: str) -> Config:
    return {
        "name": order.cluster,
        "match": {"path": path, "headers": [exactly(PROVIDERS_HEADER, order.header)]},
        # Without it a body larger than the HTTP/2 window would silently never reach a second provider.
        "request_body_buffer_limit": REQUEST_BUFFER_BYTES,
        "route": {
            "cluster": order.cluster,
            "max_stream_duration": max_stream_duration(fallback.deadline),
            "hash_policy": _by_call(),
            "hedge_policy": {"hedge_on_per_try_timeout": True},
            "retry_policy": in_order(len(order.vendors), seconds(fallback.hedge_delay_s)),
        },
    }


def _direct_route(direct: Direct, method: Method) -> Config:
    return {
        "match": {"path": method.path, "headers": [exactly(PROVIDERS_HEADER, direct.vendor)]},
        "request_body_buffer_limit": REQUEST_BUFFER_BYTES,
        "route": {
            "cluster": direct.cluster,
            "max_stream_duration": max_stream_duration(method.deadline),
            "hash_policy": _by_call(),
            "retry_policy": unprocessed(method.deadline),
        },
    }


def _by_call() -> list[Config]:
    """Choose the replica of a provider by the call: only the replica that made a try knows what became of it."""
    return [{"header": {"header_name": CALL_HEADER}}]
