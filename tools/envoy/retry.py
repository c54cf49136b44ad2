"""Repeating calls between services: only such as no servicer has seen."""

from collections.abc import Mapping

from tools.envoy.model import NOT_PROCESSED_HEADER, Deadline
from tools.envoy.typed import Config, extension, message, seconds

REQUEST_BUFFER_BYTES = 8 * 1024 * 1024
"""A request that is held for repeating; twice the largest message. Above it a call goes out once."""
RETRY_BUDGET_PERCENT = 20.0
"""Of the calls in flight to one callee, how many may be repeats (spec row EDG-25)."""
RETRY_FLOOR = 64
"""Repeats that are always allowed: a small mesh bridges the restart of a service that has one replica."""
LONGEST_BRIDGE_S = 25.0
"""How long a call waits at most for a service that is being started again; a busy machine takes its time for that."""
SHORTEST_BRIDGE_S = 4.2
"""How long it waits where its default time would be shorter: who asked for more time than that gets the good of it."""
_LAST_WORD_S = 0.8
"""What is kept of the default time for telling the caller that the service is gone."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 0.5
"""Between two repeats; Envoy waits a random part of it."""
BRIDGING_WAITS: Mapping[str, str] = {
    "base_interval": seconds(_FIRST_WAIT_S),
    "max_interval": seconds(_LONGEST_WAIT_S),
}


def repeats(bridge_s: float) -> int:
    """Return after how many repeats about ``bridge_s`` seconds are over: a wait is half of its interval on average."""
    return round(bridge_s / (_LONGEST_WAIT_S / 2)) + 1


def unprocessed(deadline: Deadline) -> Config:
    """Repeat a call that was certainly not processed, on another host where there is one.

    The waits add up to most of the default time: a service is started again meanwhile even on a busy machine, and where
    it stays away the caller learns so within its deadline. A shorter deadline of the caller ends them.
    """
    bridge_s = min(max(deadline.default_s - _LAST_WORD_S, SHORTEST_BRIDGE_S), LONGEST_BRIDGE_S)
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request,retriable-headers",
        "retriable_headers": [{"name": NOT_PROCESSED_HEADER, "present_match": True}],
        "num_retries": repeats(bridge_s),
        "retry_back_off": dict(BRIDGING_WAITS),
        "retry_host_predicate": [
            extension(
                "envoy.retry_host_predicates.previous_hosts",
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ],
        "host_selection_retry_max_attempts": "3",
    }


def in_order(attempts: int, hedge_delay: str) -> Config:
    """Ask each further priority of an order once: after ``hedge_delay`` of silence, or at once on a failure.

    UNKNOWN (2) and the statuses of a vendor's failure are only seen by the header rule: an exception in a servicer
    is UNKNOWN. A failure that is the caller's own fault (3, 5, 7 ...) is final.
    """
    return {
        "retry_on": "connect-failure,refused-stream,reset,unavailable,resource-exhausted,internal,retriable-headers",
        "retriable_headers": [
            {"name": "grpc-status", "string_match": {"safe_regex": {"regex": "^(1|2|4|8|10|13|14|15)$"}}}
        ],
        "num_retries": attempts - 1,
        "per_try_timeout": hedge_delay,
        # The default back-off would add 25 ms and more to every change of provider.
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.001s"},
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": message(
                "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=1
            ),
        },
    }
