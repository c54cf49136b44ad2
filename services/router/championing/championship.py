"""Champion and challengers of every arena: scores come in, people have their say, and routing is told at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.chassis.clock import Clock, Ids
from services.chassis.errors import Kind, WorldError, not_found
from services.chassis.log import get_logger
from services.router.core.champion import contest as rules_of
from services.router.core.champion.change import Change, Recorded
from services.router.core.champion.contest import Contest, Rules, Word
from services.router.core.champion.report import (
    MAX_REASON_CHARS,
    Arena,
    Report,
    check,
    check_text,
    check_version,
)
from services.router.ports import Amendment, Announcer, Contests, Learner, Page, Reading, Step

_log = get_logger("router.championship")
MAX_MODEL_CHARS = 200
Move = Callable[[Contest, str, Word], tuple[Contest, Change | None]]
"""What a person's word about a model makes of a contest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What became of a report."""

    version: int
    before: bool
    """Whether it was counted before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of a person's word."""

    version: int
    recorded: Recorded | None
    """None where nothing had to be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for."""

    model: str
    by: str
    reason: str
    expected_version: int = 0
    """Version that they saw; 0 is any."""


@dataclass(frozen=True, kw_only=True)
class Championship:
    """Keeps every contest by the rules."""

    contests: Contests
    rules: Rules
    announcers: Sequence[Announcer]
    clock: Clock
    ids: Ids
    learner: Learner | None = None

    async def report(self, arena: Arena, report: Report) -> Counted:
        """Count a score, once for its decision.

        Raises:
            CallerError: As ``core.champion.report.check``; MODEL_NOT_FOUND.
            WorldError: STORE_UNAVAILABLE, WRITE_CONFLICT.
        """
        check(report)
        self._check_model(report.model)
        counted = await self._amend(arena, lambda before: self._scored(before, report))
        if counted is not None:
            await self._learn(report)
            return Counted(version=counted.contest.version, before=False)
        return Counted(version=await self.contests.counted(arena.tenant, report.decision_id) or 0, before=True)

    async def fault(self, arena: Arena, report: Report) -> None:
        """Count an answer that broke off, which says nothing about its user. Raises as ``report``.

        Before the arena's first score it is only noted: a failure crowns nobody.
        """
        check(report)
        self._check_model(report.model)
        noted = replace(report, heuristic=True)
        await self._amend(arena, lambda before: self._scored(before, report if before.champion else noted))

    async def promote(self, arena: Arena, wish: Wish) -> Said:
        """Make a model the champion by a person's word.

        Raises:
            CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED, FIELD_OUT_OF_RANGE, MODEL_NOT_FOUND.
            WorldError: WRITE_CONFLICT where the version is not the expected one; STORE_UNAVAILABLE.
        """
        return await self._say(arena, wish, rules_of.promoted)

    async def demote(self, arena: Arena, wish: Wish) -> Said:
        """Take the champion down by a person's word; the best challenger follows.

        Raises:
            CallerError: As ``promote``; STATE_CONFLICT where the model is not the champion or nobody can follow.
            WorldError: As ``promote``.
        """
        return await self._say(
            arena, wish, lambda before, model, word: rules_of.demoted(before, model, self.rules.models, word)
        )

    async def read(self, arena: Arena, page: Page | None = None) -> Reading:
        """Return an arena as it is now. Raises WorldError STORE_UNAVAILABLE."""
        return await self.contests.read(arena, page)

    async def _say(self, arena: Arena, wish: Wish, move: Move) -> Said:
        check_text("model", wish.model, MAX_MODEL_CHARS)
        check_text("reason", wish.reason, MAX_REASON_CHARS)
        check_version("expected_version", wish.expected_version)
        self._check_model(wish.model)
        word = Word(by=wish.by, reason=wish.reason, at=self.clock.now())

        def step(before: Contest) -> Amendment:
            if wish.expected_version not in {0, before.version}:
                raise _outdated(wish.expected_version, before.version)
            after, change = move(before, wish.model, word)
            return Amendment(contest=after, recorded=self._recorded(after, change))

        said = await self._amend(arena, step)
        if said is None:
            raise AssertionError("only a report can have been counted before")
        return Said(version=said.contest.version, recorded=said.recorded)

    def _scored(self, before: Contest, report: Report) -> Amendment:
        if report.heuristic:
            return Amendment(contest=rules_of.noted(before), report=report)
        after, change = rules_of.scored(before, report.model, report.score, self.rules, report.at)
        return Amendment(contest=after, report=report, recorded=self._recorded(after, change))

    async def _learn(self, report: Report) -> None:
        if self.learner is None or report.heuristic:
            return
        try:
            await self.learner.learn(report.score)
        except WorldError as error:
            # The score is counted; asking for it again would count it no more, and a user's history can miss one.
            _log.warning("user_history_missed_a_score", reason=error.reason, component="router.history")

    async def _amend(self, arena: Arena, step: Step) -> Amendment | None:
        amendment = await self.contests.amend(arena, step)
        if amendment is not None:
            for announcer in self.announcers:
                announcer.amended(arena, amendment)
        return amendment

    def _recorded(self, after: Contest, change: Change | None) -> Recorded | None:
        if change is None or after.changed_at is None:
            return None
        return Recorded(change=change, change_id=self.ids.new(), version=after.version, at=after.changed_at)

    def _check_model(self, model: str) -> None:
        if model not in self.rules.models:
            raise not_found("MODEL_NOT_FOUND", "model", model)


def _outdated(expected: int, actual: int) -> WorldError:
    return WorldError(
        Kind.ABORTED,
        "WRITE_CONFLICT",
        f"the champion's version is {actual}, not {expected}; read it again and decide anew",
        metadata={"expected_version": str(expected), "version": str(actual)},
    )
