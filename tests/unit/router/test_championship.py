"""A score is counted, told to everybody who must know, and learned from once."""

from dataclasses import dataclass, field, replace

import pytest

from services.chassis.clock import RandomIds, SystemClock
from services.chassis.errors import MeshError, unavailable
from services.router.championing.championship import Championship, Wish
from services.router.core.champion.report import Arena, Report
from services.router.core.request import Domain, Task
from services.router.ports import Amendment
from tests.fakes.contests import FakeContests
from tests.unit.router.champion import NOW, RULES

ARENA = Arena(tenant="acme", domain=Domain.GENERAL, task=Task.ANALYSIS)
REPORT = Report(
    decision_id="d-1",
    model="a",
    score=0.8,
    propensity=0.5,
    champion_version=1,
    heuristic=False,
    fell_back=False,
    at=NOW,
)
AWAY = unavailable("STORE_UNAVAILABLE", "it is down")


@dataclass
class Ear:
    """Hears of amendments, and learns."""

    heard: list[tuple[Arena, Amendment]] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)
    failure: MeshError | None = None

    def amended(self, arena: Arena, amendment: Amendment) -> None:
        """Hear."""
        self.heard.append((arena, amendment))

    async def learn(self, score: float) -> None:
        """Learn, or fail."""
        if self.failure:
            raise self.failure
        self.learned.append(score)


def championship(contests: FakeContests, ear: Ear) -> Championship:
    """Return a championship on fakes."""
    return Championship(
        contests=contests, rules=RULES, announcers=(ear,), clock=SystemClock(), ids=RandomIds(), learner=ear
    )


@pytest.mark.spec("EVL-07", "RTR-14")
async def test_a_score_is_told_and_learned_from_once() -> None:
    """A repeated report is neither told nor learned from again."""
    ear = Ear()
    keeper = championship(FakeContests(), ear)
    first = await keeper.report(ARENA, REPORT)
    again = await keeper.report(ARENA, REPORT)

    assert (first.version, first.before, again.version, again.before) == (1, False, 1, True)
    assert [(arena, amendment.report) for arena, amendment in ear.heard] == [(ARENA, REPORT)]
    assert ear.learned == [0.8]


@pytest.mark.spec("EVL-09", "T16")
async def test_nobody_learns_from_a_stand_in() -> None:
    """It is kept and told, and changes no standing and no user's history."""
    contests, ear = FakeContests(), Ear()
    await championship(contests, ear).report(ARENA, replace(REPORT, heuristic=True))

    assert (contests.kept[ARENA].version, contests.kept[ARENA].tracks, ear.learned) == (1, (), [])


async def test_a_history_that_cannot_be_written_fails_no_report() -> None:
    """The score is counted by then; asking again would count nothing."""
    ear = Ear(failure=AWAY)

    assert not (await championship(FakeContests(), ear).report(ARENA, REPORT)).before
    assert len(ear.heard) == 1


async def test_what_could_not_be_written_is_told_to_nobody() -> None:
    """Only what is durable is shown to routing."""
    ear = Ear()
    with pytest.raises(MeshError, match="STORE_UNAVAILABLE"):
        await championship(FakeContests(failure=AWAY), ear).report(ARENA, REPORT)

    assert (ear.heard, ear.learned) == ([], [])


async def test_every_change_has_an_id_of_its_own() -> None:
    """The evidence log knows a change by it."""
    contests, ear = FakeContests(), Ear()
    keeper = championship(contests, ear)
    await keeper.report(ARENA, REPORT)
    for model in ("b", "a", "b"):
        await keeper.promote(ARENA, Wish(model=model, by="root", reason="x"))
    ids = [amendment.recorded.change_id for _, amendment in ear.heard if amendment.recorded]

    assert len(set(ids)) == len(ids) == 4
