"""Several replicas of one provider: who made a try is the one who is asked what became of it."""

from pathlib import Path
from uuid import UUID

import grpc
import pytest

from tests.fakes.backend import failing
from tests.fakes.mesh import GENERATE, FakeMesh, ask, order, running_mesh

GET_ATTEMPTS = "/magistrate.provider.v1.ProviderService/GetAttempts"
TWINS = ("provider-local", "provider-local-twin")


def calls(mesh: FakeMesh, path: str) -> dict[str, str]:
    """Return which replica of the local provider saw which call on ``path``, by the call's id."""
    return {
        seen.metadata["x-magistrate-call"]: twin
        for twin in TWINS
        for seen in mesh.backends[twin].seen
        if seen.path == path
    }


@pytest.mark.spec("RTR-02", "EDG-26")
async def test_a_call_finds_the_replica_that_made_its_try(folder: Path) -> None:
    """Of forty calls, tried first, tried second after a failure or tried alone, each is answered for by its replica."""
    names = [UUID(int=n).hex for n in range(40)]
    orders = [("local", "openai"), ("openai", "local"), ("local",)]
    async with running_mesh(folder, providers=("local", "openai"), twin="provider-local") as mesh:
        # ABORTED moves on without counting against the provider.
        mesh.provider("openai").behaviour = failing(grpc.StatusCode.ABORTED)
        async with mesh.egress("router") as channel:
            for n, call in enumerate(names):
                await ask(channel, GENERATE, metadata=order(*orders[n % 3], call=call, hedge_ms=60_000))
                await ask(channel, GET_ATTEMPTS, metadata=order("local", call=call))

        tried, told = calls(mesh, GENERATE), calls(mesh, GET_ATTEMPTS)

    assert set(tried) == set(names)
    assert tried == told
    assert set(tried.values()) == set(TWINS), "both replicas work"


async def test_a_replica_that_is_gone_leaves_its_calls_to_the_other(folder: Path) -> None:
    """A hash that points to nobody is no reason to fail."""
    async with running_mesh(folder, providers=("local",), twin="provider-local") as mesh:
        await mesh.backends[TWINS[1]].stop()
        async with mesh.egress("router") as channel:
            for n in range(20):
                await ask(channel, GENERATE, metadata=order("local", call=UUID(int=n).hex))

        assert set(calls(mesh, GENERATE).values()) == {TWINS[0]}


@pytest.mark.spec("PRV-03")
async def test_a_provider_is_told_whether_it_is_asked_alone(folder: Path) -> None:
    """The order arrives as the router gave it: only a provider without another behind it may wait for its vendor."""
    async with running_mesh(folder, providers=("local", "openai")) as mesh, mesh.egress("router") as channel:
        await ask(channel, GENERATE, metadata=order("local", "openai"))
        await ask(channel, GENERATE, metadata=order("local"))

        told = [seen.metadata["x-magistrate-providers"] for seen in mesh.provider("local").seen]

    assert told == ["local,openai", "local"]
