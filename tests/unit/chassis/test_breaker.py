"""The breaker opens, probes and closes exactly as spec C3 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.breaker import Breaker, Permit, Rules, State, is_dependency_fault
from services.chassis.errors import Kind, MeshError, of_kind

pytestmark = pytest.mark.spec("C3", "ENG-09", "T29")


def permit(breaker: Breaker, now: float = 0.0) -> Permit:
    """Return leave for a call that must be given."""
    given_leave = breaker.admit(now)
    assert given_leave is not None
    return given_leave


def report(breaker: Breaker, outcome: str, leave: Permit, now: float) -> None:
    """Report success, failure or neither, by its first letter."""
    if outcome == "s":
        breaker.succeeded(leave)
    elif outcome == "f":
        breaker.failed(leave, now)
    else:
        breaker.ignored(leave)


def opened(now: float = 0.0) -> Breaker:
    """Return a breaker that five faults have opened at ``now``."""
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(permit(breaker, now), now)
    return breaker


def test_five_faults_in_a_row_open_it() -> None:
    """The sixth call does not go out."""
    breaker = opened()

    assert breaker.state(0.0) is State.OPEN
    assert breaker.admit(59.9) is None
    assert breaker.retry_after_s(20.0) == 40.0


def test_a_success_breaks_the_row() -> None:
    """Four faults, a success and four faults leave it closed."""
    breaker = Breaker()
    for outcome in "ffffsffff":
        report(breaker, outcome, permit(breaker), 0.0)

    assert breaker.state(0.0) is State.CLOSED


def test_after_recovery_one_probe_goes_out_at_a_time() -> None:
    """At 60 s one probe passes; a second waits for its outcome."""
    breaker = opened()
    first = permit(breaker, 60.0)

    assert breaker.state(60.0) is State.HALF_OPEN
    assert breaker.admit(60.0) is None
    breaker.succeeded(first)
    assert breaker.admit(60.0) is not None


def test_two_good_probes_close_it() -> None:
    """The first good probe is not enough, the second is."""
    breaker = opened()
    breaker.succeeded(permit(breaker, 60.0))
    after_one = breaker.state(60.0)
    breaker.succeeded(permit(breaker, 60.0))

    assert (after_one, breaker.state(60.0)) == (State.HALF_OPEN, State.CLOSED)


def test_one_bad_probe_opens_it_again() -> None:
    """A bad probe starts the whole recovery time anew, and forgets the good probe before it."""
    breaker = opened()
    breaker.succeeded(permit(breaker, 60.0))
    breaker.failed(permit(breaker, 61.0), 61.0)

    assert breaker.admit(120.9) is None
    assert breaker.admit(121.0) is not None


def test_a_cancelled_call_says_nothing() -> None:
    """Cancellations neither open it nor use up the probe."""
    breaker = Breaker()
    for _ in range(10):
        breaker.ignored(permit(breaker))
    half_open = opened()
    half_open.ignored(permit(half_open, 60.0))

    assert breaker.state(0.0) is State.CLOSED
    assert half_open.admit(60.0) is not None


def test_outcomes_of_an_earlier_phase_do_not_count() -> None:
    """A call from before the opening that ends during the probe neither closes nor reopens the breaker."""
    breaker = Breaker()
    slow = [permit(breaker) for _ in range(3)]
    for _ in range(5):
        breaker.failed(permit(breaker), 0.0)
    probe = permit(breaker, 60.0)
    breaker.succeeded(slow[0])
    breaker.failed(slow[1], 60.0)
    breaker.ignored(slow[2])

    assert breaker.state(60.0) is State.HALF_OPEN
    assert breaker.admit(60.0) is None
    breaker.succeeded(probe)
    assert breaker.admit(60.0) is not None


# Quarters of a second add up exactly; of other fractions ten seconds later may be a hair less than ten seconds.
pauses = st.integers(0, 400).map(lambda quarters: quarters / 4)


@given(st.lists(st.tuples(st.sampled_from("sfia"), pauses), max_size=80), st.integers(1, 3))
def test_never_more_probes_than_allowed(events: list[tuple[str, float]], probes: int) -> None:
    """Whatever happens, a half-open breaker has at most its number of probes out, and it never locks up."""
    breaker = Breaker(Rules(failures=2, recovery_s=10, probes=probes))
    out: list[Permit] = []
    now = 0.0
    for event, pause in events:
        now += pause
        if event == "a" and (leave := breaker.admit(now)) is not None:
            out.append(leave)
            assert breaker.state(now) is not State.HALF_OPEN or out.count(leave) <= probes
        elif event != "a" and out:
            report(breaker, event, out.pop(), now)
    for leave in out:
        breaker.ignored(leave)

    assert breaker.admit(now + 10) is not None


@pytest.mark.parametrize("kind", Kind)
def test_only_faults_of_the_dependency_count(kind: Kind) -> None:
    """Validation errors, refusals and cancellations never open a breaker."""
    error: MeshError = of_kind(kind)(kind, "INTERNAL", "")

    assert is_dependency_fault(error) is (kind in {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.INTERNAL})
