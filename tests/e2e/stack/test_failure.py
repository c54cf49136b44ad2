"""The stack when things break: parts, supervisors and machines."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.fakes.stack import Stack, running, state_folder
from tools.up.ports import LOOPBACK

QUESTION = "Up to what amount may the budget holder approve a purchase?"
ELSEWHERE = "local=http://127.0.0.1:1"
"""Places the local vendor where nobody answers: such a stack starts without a model server."""
LIGHT = ("--no-sample", "--provider", ELSEWHERE)


def test_killed_parts_come_back(stack: Stack) -> None:
    """Kill -9 of any part is over soon, and the next decision is whole."""
    parts = ("valkey", "envoy", "model", "provider-local", "router", "critic", "gate", "engine", "context", "evaluator")
    before = {part: stack.send(part) for part in parts}
    for part, process in before.items():
        stack.await_replaced(part, process)
    decision = stack.told("decide", "--fresh", QUESTION)["decision"]

    assert all(stack.part(part).restarts >= 1 for part in parts)
    assert decision["evidence"]["origin"]
    assert decision.get("degradedComponents", []) == []


@pytest.mark.parametrize("part", ["postgres", "recorder"])
def test_acknowledged_evidence_survives_a_kill(stack: Stack, part: str) -> None:
    """What was released can be proven after kill -9 of the log or of its database."""
    decision = stack.told("decide", QUESTION)["decision"]
    stack.await_replaced(part, stack.send(part))
    proof = stack.run("verify", decision["decisionId"])

    assert proof.returncode == 0, proof.stderr
    assert "verified" in proof.stdout


def test_a_killed_supervisor_leaves_nothing_that_stays() -> None:
    """The next start ends what was left over and keeps ports, keys and data; `down` alone does, too."""
    with running(*LIGHT) as stack:
        before = stack.record
        stack.kill_supervisor()
        left = stack.run("status", "--json")
        again = stack.up(*LIGHT)
        old = [part.process for part in before.parts.values() if part.process]

        assert "left over" in left.stdout
        assert again.returncode == 0, again.stderr
        assert "left over from a killed supervisor; ended" in again.stdout
        assert not any(process.alive for process in old)
        assert stack.record.ports == before.ports

        processes = [part.process for part in stack.record.parts.values() if part.process]
        stack.kill_supervisor()
        stack.run("down")
        assert not any(process.alive for process in processes)


def test_two_stacks_run_side_by_side(stack: Stack) -> None:
    """Each has its own ports, sockets and authority; stopping one leaves the other alone."""
    with running(*LIGHT) as other:
        assert set(stack.record.ports.values()).isdisjoint(other.record.ports.values())
        assert other.run("models").returncode == 0
        other.run("down")
        assert stack.run("models").returncode == 0


def test_down_leaves_nothing_behind_but_the_state() -> None:
    """Every process is gone, every socket is gone, and a second start finds its ports again."""
    with running(*LIGHT) as stack:
        before = stack.record
        stopped = stack.run("down", "--json")
        after = stack.record

        processes = [part.process for part in before.parts.values() if part.process]
        assert stopped.returncode == 0, stopped.stderr
        assert not any(process.alive for process in processes)
        assert after.supervisor is None
        assert not Path(before.run_dir).exists()
        assert after.ports == before.ports


def test_ctrl_c_during_the_start_stops_what_was_started() -> None:
    """An impatient user leaves no process behind."""
    with state_folder() as stack:
        supervisor = stack.start_and_interrupt(*LIGHT, after="valkey", number=signal.SIGINT)

        assert supervisor.returncode == 130
        assert not any(part.process and part.process.alive for part in stack.record.parts.values())


def test_a_taken_port_is_named_and_nothing_stays() -> None:
    """The failure says what would be right."""
    with socket.socket() as other, state_folder() as stack:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = stack.up("--edge-port", str(port), *LIGHT)

        assert outcome.returncode == 1
        assert f"port {port} for edge is in use" in outcome.stderr
        assert "another port" in outcome.stderr
        assert stack.record.supervisor is None


def test_a_part_that_cannot_start_shows_its_last_words() -> None:
    """A broken store stops the start with its own log lines, and everything else is stopped."""
    with running(*LIGHT) as stack:
        stack.run("down")
        configuration = next(stack.root.glob("postgres*/**/postgresql.conf"))
        configuration.write_text("no_such_setting = 1\n")
        outcome = stack.up(*LIGHT)

        assert outcome.returncode == 1
        assert "postgres ended while starting" in outcome.stderr
        assert "no_such_setting" in outcome.stderr
        assert not any(part.process and part.process.alive for part in stack.record.parts.values())


@pytest.mark.parametrize("name", ["with space and ünïcode", "deep" * 30])
def test_an_awkward_state_folder_works(name: str) -> None:
    """Spaces, letters of any language and paths that are too long for sockets are no obstacle."""
    with state_folder() as outer:
        stack = Stack(outer.root / name)
        outer.root.chmod(0o711)
        started = stack.up(*LIGHT)
        try:
            assert started.returncode == 0, started.stderr
            assert stack.run("models").returncode == 0
        finally:
            stack.run("down", "--purge")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL itself")
def test_root_may_keep_its_state_in_a_private_home() -> None:
    """Where PostgreSQL's account cannot get to the state folder, its data moves; purging finds it there."""
    with state_folder() as outer:
        stack = Stack(outer.root / "home" / "state")
        stack.root.parent.mkdir(mode=0o700)
        started = stack.up(*LIGHT)
        home = Path((stack.root / "postgres.location").read_text())

        assert started.returncode == 0, started.stderr
        assert home.exists()
        stack.run("down")
        stack.root.parent.chmod(0o711)
        outer.root.chmod(0o711)
        assert stack.up(*LIGHT).returncode == 0
        assert not (stack.root / "postgres").exists(), "data that exists must stay where it is"
        stack.run("down", "--purge")
        assert not home.exists()
        assert not stack.root.exists()
