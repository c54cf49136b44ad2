"""How long a call may take."""

from tools.envoy.model import Deadline
from tools.envoy.typed import Config, seconds


def max_stream_duration(deadline: Deadline) -> Config:
    """Give a call without a deadline the default, and cut a longer one to the cap.

    Both fields are needed: with the cap alone a call without a deadline would have no end. They end the call as
    DEADLINE_EXCEEDED, where a route timeout would end it as UNAVAILABLE.
    """
    return {
        "max_stream_duration": seconds(deadline.default_s),
        "grpc_timeout_header_max": seconds(deadline.cap_s),
    }
