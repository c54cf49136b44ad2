"""Contests in a dictionary, which can be slow or away on demand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.chassis.errors import MeshError
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Scored
from services.router.ports import Amendment, Page, Reading, Step


@dataclass
class FakeContests:
    """Implements the Contests port."""

    kept: dict[Arena, Contest] = field(default_factory=dict)
    scores: dict[tuple[str, str], int] = field(default_factory=dict)
    written: list[Amendment] = field(default_factory=list)
    failure: MeshError | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Reads of what is newer wait for it where ``slow``."""
    slow: bool = False
    reads: int = 0

    async def amend(self, arena: Arena, step: Step) -> Amendment | None:
        """Take one step."""
        if self.failure:
            raise self.failure
        amendment = step(self.kept.get(arena, Contest()))
        if amendment.report:
            key = (arena.tenant, amendment.report.decision_id)
            if key in self.scores:
                return None
            self.scores[key] = amendment.contest.version
        self.kept[arena] = amendment.contest
        self.written.append(amendment)
        return amendment

    async def counted(self, tenant: str, decision_id: str) -> int | None:
        """Return the version of a decision's score."""
        return self.scores.get((tenant, decision_id))

    async def read(self, arena: Arena, page: Page | None = None) -> Reading:
        """Return the contest with its reports."""
        reports = [each for each in self.written if each.report]
        told = tuple(Scored(report=each.report, version=each.contest.version) for each in reports if each.report)
        return Reading(contest=self.kept.get(arena, Contest()), scores=told[: page.size] if page else ())

    async def newer(self, known: Mapping[Arena, int]) -> Mapping[Arena, Contest]:
        """Return what has another version, as it was when the question came."""
        self.reads += 1
        found = {arena: self.kept[arena] for arena in known if arena in self.kept}
        if self.slow:
            await self.open.wait()
        if self.failure:
            raise self.failure
        return {arena: contest for arena, contest in found.items() if contest.version != known[arena]}
