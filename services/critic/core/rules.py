"""What a rule is, and how a table of rules is laid over the two texts of a case."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.critic.core import lexicon
from services.critic.core.finding import Finding
from services.critic.core.letters import lowered
from services.critic.core.material import Material, Span
from services.critic.core.sentences import Sentences
from services.critic.core.stance import Stance, read
from services.critic.core.vocabulary import Side

MAX_HITS = 5
"""Findings that one rule keeps per text; more would add nothing but bulk."""
MAX_LOOKS = 200
"""Hits of one rule whose stance is read; what is denied more often than this is judged as asserted."""

BOTH = (Side.INPUT, Side.OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a critic's table."""

    rule_id: str
    category: str
    description: str
    pattern: re.Pattern[str]
    weight: float
    """0-1; times three it is the severity of this rule alone, on the output side."""
    clause_id: str | None
    critical: bool
    sides: tuple[Side, ...]
    excused: frozenset[Stance]
    """The stances in which the words do no harm."""


ANY_TALK = frozenset({Stance.DENIED, Stance.REPORTED, Stance.ASKED})
DENIAL = frozenset({Stance.DENIED})
NOTHING: frozenset[Stance] = frozenset()


def rule(
    rule_id: str,
    category: str,
    weight: float,
    pattern: str,
    description: str,
    *,
    clause_id: str | None = None,
    critical: bool = False,
    sides: tuple[Side, ...] = BOTH,
    excused: frozenset[Stance] = ANY_TALK,
) -> Rule:
    """Compile one row; ``<name>`` in the pattern stands for the word group of that name in the lexicon.

    Patterns are written in lower case and match words, not letters: a word boundary is put at either end.
    """
    return Rule(
        rule_id=rule_id,
        category=category,
        description=description,
        pattern=re.compile(rf"\b(?:{lexicon.expand(pattern)})(?!\w)"),
        weight=weight,
        clause_id=clause_id,
        critical=critical,
        sides=sides,
        excused=excused,
    )


def scan(rules: Sequence[Rule], material: Material) -> tuple[Finding, ...]:
    """Return what the table finds in either text, in rule order."""
    cut = {side: Sentences.of(lowered(material.text(side))) for side in BOTH}
    return tuple(finding for row in rules for side in row.sides for finding in _findings(row, side, cut[side]))


def _findings(row: Rule, side: Side, sentences: Sentences) -> Iterator[Finding]:
    for span in _take(_asserted(row, sentences), MAX_HITS):
        yield Finding(
            rule_id=row.rule_id,
            category=row.category,
            description=row.description,
            side=side,
            span=span,
            weight=row.weight,
            clause_id=row.clause_id,
            critical=row.critical,
        )


def _asserted(row: Rule, sentences: Sentences) -> Iterator[Span]:
    for looks, match in enumerate(row.pattern.finditer(sentences.text)):
        span = Span(*match.span())
        if looks >= MAX_LOOKS or read(sentences, span) not in row.excused:
            yield span


def _take(spans: Iterable[Span], limit: int) -> Iterator[Span]:
    for _, span in zip(range(limit), spans, strict=False):
        yield span
