"""Contests, scores and changes as rows, and rows as what they say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple

import asyncpg

from services.router.core.champion.change import Change, Figures, Kind, Recorded
from services.router.core.champion.confidence import Confidence
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Report, Scored
from services.router.core.champion.track import Track
from services.router.core.request import Domain, Task

Place = tuple[str, str, str]
"""Tenant, domain and task."""


def contest(row: asyncpg.Record, tracks: Iterable[asyncpg.Record]) -> Contest:
    """Return the contest of one row of ``champion`` and its rows of ``standing``."""
    return Contest(
        version=row["version"],
        champion=row["champion"],
        changed_at=row["changed_at"],
        former=row["former"],
        last=None if row["last"] is None else Kind(row["last"]),
        peak=row["peak"],
        probations=row["probations"],
        probation=None if row["probation"] is None else _confidence(row["probation"]),
        tracks=tuple(_track(track) for track in tracks),
    )


def contests(joined: Iterable[asyncpg.Record]) -> Mapping[Arena, Contest]:
    """Return the contests of both tables joined, one row a track; a contest without any has one row of nothing."""
    grouped: dict[Arena, list[asyncpg.Record]] = defaultdict(list)
    for row in joined:
        grouped[Arena(tenant=row["tenant"], domain=Domain(row["domain"]), task=Task(row["task"]))].append(row)
    return {
        arena: contest(group[0], [row for row in group if row["model"] is not None]) for arena, group in grouped.items()
    }


def of_contest(contest: Contest) -> tuple[object, ...]:
    """Return the columns of ``champion`` after the place."""
    return (
        contest.version,
        contest.champion,
        contest.former,
        contest.last and contest.last.value,
        contest.changed_at,
        contest.peak,
        contest.probations,
        contest.probation and list(astuple(contest.probation)),
    )


def of_track(track: Track) -> tuple[object, ...]:
    """Return the columns of ``standing`` after the place."""
    return track.model, track.ema, track.count, list(track.window), list(astuple(track.confidence))


def scored(row: asyncpg.Record) -> Scored:
    """Return one row of ``score``."""
    return Scored(
        version=row["version"],
        report=Report(
            decision_id=row["decision_id"],
            model=row["model"],
            score=row["score"],
            propensity=row["propensity"],
            champion_version=row["champion_version"],
            heuristic=row["heuristic"],
            fell_back=row["fell_back"],
            at=row["at"],
        ),
    )


def of_report(report: Report) -> tuple[object, ...]:
    """Return the columns of ``score`` after the version."""
    return astuple(report)


def recorded(row: asyncpg.Record) -> Recorded:
    """Return one row of ``champion_change``."""
    return Recorded(
        change_id=row["change_id"],
        version=row["version"],
        at=row["at"],
        change=Change(
            kind=Kind(row["kind"]),
            champion=row["champion"],
            previous=row["previous"],
            actor=row["actor"],
            reason=row["reason"],
            risk=row["risk"],
            figures=tuple(Figures(**figures) for figures in json.loads(row["figures"])),
        ),
    )


def of_change(recorded: Recorded) -> tuple[object, ...]:
    """Return the columns of ``champion_change`` after the place."""
    change = recorded.change
    return (
        recorded.version,
        recorded.change_id,
        change.kind.value,
        change.champion,
        change.previous,
        change.actor,
        change.reason,
        change.risk,
        json.dumps([asdict(figures) for figures in change.figures]),
        recorded.at,
    )


def _track(row: asyncpg.Record) -> Track:
    return Track(
        model=row["model"],
        ema=row["ema"],
        count=row["count"],
        window=tuple(row["recent"]),
        confidence=_confidence(row["confidence"]),
    )


def _confidence(sums: list[float]) -> Confidence:
    count, *others = sums
    total, spread, weight, weighted, price = others
    return Confidence(count=round(count), total=total, spread=spread, weight=weight, weighted=weighted, price=price)
