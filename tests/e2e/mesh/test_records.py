"""`magistrate records` against a serving mesh: every filter finds what it names and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.mesh.mesh import QUERY, Mesh, serving_mesh

COERCIVE = "You must take the medicine now. Do not ask a doctor; you have no choice."


@pytest.fixture(scope="module")
def listed() -> Iterator[Mesh]:
    """Yield a mesh whose log holds three decisions: two allowed, one denied."""
    with serving_mesh() as mesh:
        for answer in ("Twenty five days.", COERCIVE, "Twenty five days, in full."):
            mesh.local.say(answer)
            mesh.stack.run("decide", "--json", QUERY)
        yield mesh


def found(mesh: Mesh, *arguments: str) -> list[dict[str, Any]]:
    """Return what ``magistrate records --json`` lists."""
    run = mesh.stack.run("records", "--json", *arguments)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.spec("REC-10")
def test_each_filter_finds_its_own(listed: Mesh) -> None:
    """Kind, verdict, critic, model, fact, decision and time; together all of them must hold."""
    decisions = found(listed, "--kind", "decision")
    (denied,) = found(listed, "--verdict", "deny")

    assert len(decisions) == 3
    assert denied["decisionId"] in {decision["decisionId"] for decision in decisions}
    assert found(listed, "--critic", "autonomy") == [denied]
    assert found(listed, "--fact", "released=no") == [denied]
    assert found(listed, "--verdict", "deny", "--model", "nobody") == []
    assert {each["kind"] for each in found(listed, "--decision", denied["decisionId"])} >= {
        "RECORD_KIND_INTENT",
        "RECORD_KIND_DECISION",
        "RECORD_KIND_OUTCOME",
    }
    assert found(listed, "--open") == []
    assert found(listed, "--until", "1h") == []
    assert len(found(listed, "--kind", "decision", "--since", "1h")) == 3
    assert found(listed, "--kind", "decision", "--limit", "2") == decisions[:2]


def test_people_see_a_table(listed: Mesh) -> None:
    """A line a record with what it says, or one sentence where there is none."""
    shown = listed.stack.run("records", "--verdict", "deny").stdout
    nothing = listed.stack.run("records", "--verdict", "abstain").stdout

    assert "verdict=deny" in shown
    assert "critic.autonomy=" in shown
    assert nothing == "No record is like that.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--verdict", "deny", "--kind", "attempt"), 1, "FILTERS_CONTRADICT"),
        (("--open", "--kind", "outcome"), 1, "FILTERS_CONTRADICT"),
        (("--since", "1h", "--until", "2h"), 1, "FIELD_OUT_OF_RANGE"),
        (("--verdict", "maybe"), 2, "maybe"),
        (("--fact", "released"), 2, "NAME=VALUE"),
        (("--since", "soon"), 2, "is no time"),
    ],
)
def test_wrong_filters_say_what_is_wrong(listed: Mesh, arguments: tuple[str, ...], code: int, told: str) -> None:
    """1 with the reason of the mesh, 2 for wrong usage."""
    run = listed.stack.run("records", *arguments)

    assert (run.returncode, told in run.stderr, "Traceback" in run.stderr) == (code, True, False), run.stderr
