"""Three processes with two hundred calls each, all at once, near the cap of one tenant's day."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.contract.spend import emptied
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tests.fakes.stack import environment

ROOT = Path(__file__).parents[2]
PROCESSES, CALLS, WORST = 3, 200, 100
FITTING = 250
LIMIT = FITTING * WORST
PATIENCE_S = 60


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


def race(database: Database, *, whole: bool) -> list[dict[str, int]]:
    """Return what each process was granted and spent."""
    order = {
        "postgres": {
            "host": database.host,
            "port": database.port,
            "database": database.name,
            "user": "router",
            "schema": "router",
        },
        "password_file": str(database.password_file),
        "calls": CALLS,
        "worst": WORST,
        "limit": LIMIT,
        "whole": whole,
    }
    with ExitStack() as stack:
        racers = []
        for number in range(PROCESSES):
            racer = stack.enter_context(_racer({**order, "name": f"router-{number}"}))
            racers.append(racer)
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        outputs = []
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        for racer in racers:
            output, _ = racer.communicate(timeout=PATIENCE_S)
            assert racer.returncode == 0
            outputs.append(json.loads(output))
    return outputs


def _racer(order: dict[str, object]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.contract.spend_racer", json.dumps(order)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def counted(database: Database) -> tuple[int, int, int, int]:
    """Return what the counters and the rows say: spent, held, rows, and their sum."""
    with psycopg.connect(database.owner_dsn) as connection:
        spent, held = connection.execute(
            "select spent_micro_usd, held_micro_usd from router.budget where scope = 'tenant'"
        ).fetchone() or (0, 0)
        rows, booked = connection.execute("select count(*), sum(micro_usd)::bigint from router.spend").fetchone() or ()
    return spent, held, rows, booked


@pytest.mark.spec("PRV-09", "C14")
def test_the_cap_is_used_to_the_last_micro_dollar_and_not_one_beyond(database: Database) -> None:
    """Of 600 calls that use all they reserve exactly the 250 that fit are let through, and each is billed once."""
    emptied(database)
    outputs = race(database, whole=True)

    assert sum(output["granted"] for output in outputs) == FITTING
    assert counted(database) == (LIMIT, 0, FITTING, LIMIT)


@pytest.mark.spec("PRV-09", "C14")
def test_what_is_not_used_comes_back_and_the_cap_still_holds(database: Database) -> None:
    """Of calls that use less more are let through; what is left at the end is too little for one more."""
    emptied(database)
    outputs = race(database, whole=False)
    granted, total = (sum(output[part] for output in outputs) for part in ("granted", "spent"))

    assert counted(database) == (total, 0, granted, total)
    assert total <= LIMIT
    assert granted >= FITTING
