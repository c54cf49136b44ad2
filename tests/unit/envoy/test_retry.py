"""For how long a call is repeated follows from the time that its method has."""

import pytest

from services import topology
from tools.envoy.model import Deadline
from tools.envoy.retry import LONGEST_BRIDGE_S, SHORTEST_BRIDGE_S, unprocessed
from tools.envoy.typed import Config

RPCS = [rpc for service in topology.SERVICES for _, rpc in topology.methods(service)]
DEFAULTS_S = sorted({rpc.default_s for rpc in RPCS})
TRY_S = 0.1
"""What repeats may miss of the time that was meant: a part of one wait."""


def waited_s(policy: Config) -> float:
    """Return how long all repeats of ``policy`` take on average, as Envoy documents its back-off.

    The n-th wait is drawn evenly from nothing to ``base * (2**n - 1)``, and to the maximum where that is less.
    """
    waits = policy["retry_back_off"]
    base, longest = (float(waits[key].removesuffix("s")) for key in ("base_interval", "max_interval"))
    return sum(min(base * (2.0 ** min(n, 32) - 1), longest) / 2 for n in range(1, policy["num_retries"] + 1))


@pytest.mark.spec("EDG-25", "ENG-30")
@pytest.mark.parametrize(
    ("default_s", "bridged_s"), [(0.5, 4.2), (1, 4.2), (5, 4.2), (10, 9.2), (20, 19.2), (30, 25), (60, 25), (3600, 25)]
)
def test_a_restart_is_waited_for_as_long_as_the_method_has_time(default_s: float, bridged_s: float) -> None:
    """Nearly the whole default time, 25 s at most, and about 4 s where a method has less."""
    policy = unprocessed(Deadline(default_s=default_s, cap_s=2 * default_s))

    assert waited_s(policy) == pytest.approx(bridged_s, abs=TRY_S)


@pytest.mark.spec("EDG-25")
@pytest.mark.parametrize("default_s", [default_s for default_s in DEFAULTS_S if default_s > SHORTEST_BRIDGE_S])
def test_a_caller_learns_in_time_that_a_service_stays_away(default_s: float) -> None:
    """Repeats of every method of the mesh end before its default time does."""
    policy = unprocessed(Deadline(default_s=default_s, cap_s=default_s))

    assert waited_s(policy) < default_s - TRY_S
    assert waited_s(policy) < LONGEST_BRIDGE_S + TRY_S
