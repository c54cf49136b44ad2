"""One arena's champion and all its scores, and what one more score, or a person's word, makes of them.

Rulings, where the requirements leave room:

* The first evaluated score makes its model the champion; before, the configured order counts.
* A promotion needs an average more than 20 % above the champion's AND proof that its mean is higher.
* A demotion needs the champion's average more than 20 % below its best of this reign AND proof, from scores after the
  fall alone, that a challenger is better. A fall opens a probation; recovering closes it.
* A person's word begins all proof anew: what was scored before cannot undo what somebody decided knowing it.
* Stand-ins for a score (heuristics) are written down and change nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from services.chassis.errors import CallerError
from services.chassis.errors import Kind as ErrorKind
from services.router.core.champion.change import Change, Kind, figures
from services.router.core.champion.confidence import Confidence
from services.router.core.champion.track import Track
from services.router.core.standing import Standing, Standings

_TOLD_RISK = 0.05
"""Of the bounds that go with a person's word, where no test is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When the champion changes by itself."""

    models: frozenset[str]
    """Models of this mesh; no other may become the champion."""
    auto_promote: bool = True
    """Whether the rules act; where not, they propose (ruling C8)."""
    difference: float = 0.2
    """By which part an average must be above another (spec row RTR-09)."""
    min_scores: int = 30
    """Scores that champion and challenger must have."""
    risk: float = 0.05
    """Probability, over all time and all models of an arena, of a change between models of equal quality."""

    @property
    def bound_risk(self) -> float:
        """Return the risk of one bound: half of all, shared by both bounds of every model. Probations get the rest."""
        return self.risk / 2 / (2 * max(1, len(self.models)))

    def probation_risk(self, number: int) -> float:
        """Return the risk of the bound in the ``number``-th probation: 1/2 + 1/6 + 1/12 + ... of the other half."""
        return self.risk / 2 / (number * (number + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says about the champion."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Everything that is known of one arena."""

    version: int = 0
    """Counts up with every score and every change."""
    champion: str = ""
    changed_at: datetime | None = None
    former: str = ""
    """Who was champion before the last change."""
    last: Kind | None = None
    """How the champion came to be it."""
    peak: float = 0.0
    """Best average of the champion in this reign."""
    probations: int = 0
    """Opened so far in this arena."""
    probation: Confidence | None = None
    """The champion's scores since its fall, while one is open."""
    tracks: tuple[Track, ...] = ()

    def track(self, model: str) -> Track | None:
        """Return the track of ``model``; None before its first score."""
        return next((track for track in self.tracks if track.model == model), None)

    @property
    def challengers(self) -> tuple[Track, ...]:
        """Return the others, best first, equal ones by name."""
        others = [track for track in self.tracks if track.model != self.champion]
        return tuple(sorted(others, key=lambda track: (-track.ema, track.model)))

    @property
    def standings(self) -> Standings:
        """Return what routing needs to know."""
        return Standings(
            champion=self._first if self.champion else None,
            challengers=tuple(track.standing for track in self.challengers),
            version=self.version,
            changed_at=self.changed_at,
        )

    @property
    def _first(self) -> Standing:
        track = self.track(self.champion)
        # A person may choose a model that has no score yet.
        return track.standing if track else Standing.unscored(self.champion)


def scored(contest: Contest, model: str, score: float, rules: Rules, now: datetime) -> tuple[Contest, Change | None]:
    """Return the contest with one more score, and the change of champion that follows from it."""
    track = contest.track(model)
    track = track.after(score) if track else Track.begun(model, score)
    others = tuple(each for each in contest.tracks if each.model != model)
    counted = replace(contest, version=contest.version + 1, tracks=(*others, track))
    if not contest.champion:
        told = (figures(track, rules.bound_risk),)
        first = Change(kind=Kind.FIRST, champion=model, reason="it has the first score", figures=told)
        return _crowned(counted, first, now), first
    if model == contest.champion:
        counted = _watched(counted, track, score, rules)
    change = due(counted, rules)
    if change is None or not rules.auto_promote:
        return counted, None
    return _crowned(counted, change, now), change


def noted(contest: Contest) -> Contest:
    """Return the contest after a score that does not count."""
    return replace(contest, version=contest.version + 1)


def due(contest: Contest, rules: Rules) -> Change | None:
    """Return the change that the rules ask for now; None where there is none."""
    champion = contest.track(contest.champion)
    if champion is None or champion.count < rules.min_scores:
        return None
    able = [track for track in contest.challengers if track.count >= rules.min_scores and track.model in rules.models]
    return _promotion(champion, able, rules) or _demotion(contest, champion, able, rules)


def promoted(contest: Contest, model: str, word: Word) -> tuple[Contest, Change | None]:
    """Return the contest with ``model`` as the champion by a person's word; no change where it is already."""
    if model == contest.champion:
        return contest, None
    undoes = model == contest.former and contest.last in (Kind.PROMOTION, Kind.DEMOTION)
    return _by_hand(contest, Kind.ROLLBACK if undoes else Kind.PROMOTION, model, word)


def demoted(contest: Contest, model: str, models: Collection[str], word: Word) -> tuple[Contest, Change]:
    """Return the contest with the best challenger of ``models`` in the place of the champion ``model``.

    Raises:
        CallerError: STATE_CONFLICT where ``model`` is not the champion, or nobody could follow it.
    """
    if model != contest.champion:
        raise _conflict("not_champion", "only the champion can be demoted; GetChampion names it")
    able = [track for track in contest.challengers if track.model in models]
    if not able:
        raise _conflict("no_challenger", "no other model has a score; promote the one that shall follow")
    return _by_hand(contest, Kind.DEMOTION, able[0].model, word)


def _watched(contest: Contest, track: Track, score: float, rules: Rules) -> Contest:
    """Return the contest after a score of its champion: peak kept, probation opened, fed or closed."""
    contest = replace(contest, peak=max(contest.peak, track.ema))
    if track.ema >= (1 - rules.difference) * contest.peak:
        return replace(contest, probation=None)
    if contest.probation is None:
        # The score that caused the fall is no proof of it: a low score was waited for.
        return replace(contest, probation=Confidence.NOTHING, probations=contest.probations + 1)
    return replace(contest, probation=contest.probation.after(score))


def _promotion(champion: Track, able: Collection[Track], rules: Rules) -> Change | None:
    risk = rules.bound_risk
    ceiling = champion.confidence.upper(risk)
    for track in able:
        if track.ema > (1 + rules.difference) * champion.ema and track.confidence.lower(risk) > ceiling:
            return Change(
                kind=Kind.PROMOTION,
                champion=track.model,
                previous=champion.model,
                reason=f"its average is more than {rules.difference:.0%} higher, and its mean is",
                figures=(figures(track, risk), figures(champion, risk)),
                risk=rules.risk,
            )
    return None


def _demotion(contest: Contest, champion: Track, able: Collection[Track], rules: Rules) -> Change | None:
    if contest.probation is None:
        return None
    fresh = rules.probation_risk(contest.probations)
    ceiling = contest.probation.upper(fresh)
    for track in able:
        if track.ema > champion.ema and track.confidence.lower(rules.bound_risk) > ceiling:
            return Change(
                kind=Kind.DEMOTION,
                champion=track.model,
                previous=champion.model,
                reason=f"the champion fell more than {rules.difference:.0%} below its best, {contest.peak:.4f}",
                figures=(figures(track, rules.bound_risk), figures(champion, fresh, contest.probation)),
                risk=rules.risk,
            )
    return None


def _by_hand(contest: Contest, kind: Kind, model: str, word: Word) -> tuple[Contest, Change]:
    told = [track for name in (model, contest.champion) if (track := contest.track(name))]
    change = Change(
        kind=kind,
        champion=model,
        previous=contest.champion,
        actor=word.by,
        reason=word.reason,
        figures=tuple(figures(track, _TOLD_RISK) for track in told),
    )
    anew = tuple(replace(track, confidence=Confidence.NOTHING) for track in contest.tracks)
    return _crowned(replace(contest, version=contest.version + 1, tracks=anew), change, word.at), change


def _crowned(contest: Contest, change: Change, now: datetime) -> Contest:
    track = contest.track(change.champion)
    return replace(
        contest,
        champion=change.champion,
        former=change.previous,
        last=change.kind,
        changed_at=now,
        peak=track.ema if track else 0.0,
        probation=None,
    )


def _conflict(state: str, message: str) -> CallerError:
    return CallerError(ErrorKind.PRECONDITION, "STATE_CONFLICT", message, metadata={"state": state})
