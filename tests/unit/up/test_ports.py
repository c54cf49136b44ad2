"""Ports are picked once, kept while they are free, and never shared."""

import errno
import socket
from collections.abc import Iterator

import pytest

from tools.up.failures import StackError
from tools.up.ports import LOOPBACK, choose, free


@pytest.fixture
def occupied() -> Iterator[int]:
    """Yield a port on which somebody else listens."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


def test_every_name_gets_a_port_of_its_own() -> None:
    """No two parts share a port, and all are free."""
    chosen = choose(("edge", "postgres", "valkey"), kept={}, given={})

    assert len(set(chosen.values())) == 3
    assert all(free(port) for port in chosen.values())


def test_a_kept_port_stays() -> None:
    """The next start listens where the last one did."""
    first = choose(("edge", "postgres"), kept={}, given={})

    assert first == choose(("edge", "postgres"), kept=first, given={})


def test_a_kept_port_that_is_taken_is_replaced(occupied: int) -> None:
    """Somebody who took the port in between costs another port, not the start."""
    chosen = choose(("edge",), kept={"edge": occupied}, given={})

    assert chosen["edge"] != occupied


def test_a_given_port_wins() -> None:
    """The caller's port counts more than the one of the last start."""
    given = choose(("edge",), kept={}, given={})

    assert choose(("edge",), kept={"edge": 1}, given=given) == given


def test_a_given_port_is_not_used_twice() -> None:
    """A kept port that the caller gives to another part moves away."""
    port = choose(("edge",), kept={}, given={})["edge"]
    chosen = choose(("edge", "postgres"), kept={"postgres": port}, given={"edge": port})

    assert chosen["edge"] == port != chosen["postgres"]


def test_a_given_port_that_is_taken_is_refused(occupied: int) -> None:
    """What the caller asked for is never replaced silently."""
    with pytest.raises(StackError, match=f"port {occupied} for edge is in use") as refusal:
        choose(("edge",), kept={}, given={"edge": occupied})

    assert "another port" in refusal.value.hint


def test_a_port_that_the_system_keeps_back_is_not_said_to_be_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for port 443 without the right to it does not go looking for another program."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(StackError, match="port 443 for edge is not for this account"):
        choose(("edge",), kept={}, given={"edge": 443})
