"""Holds an answer's sentences against the declared context: what they contradict, and what it does not hold.

Works on shared words, amounts, negation and opposites: it sees what the words show, and nothing of their meaning.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.critic.core.finding import Finding
from services.critic.core.material import Material, Span
from services.critic.core.quantities import Quantity, quantities
from services.critic.core.sentences import Sentences
from services.critic.core.vocabulary import Side
from services.critic.core.word_lists import OPPOSITES, STOP_WORDS, stem

MIN_SHARED = 2
"""Words that two sentences must share before they are taken to speak of one thing."""
SHARE_ABOUT = 0.5
"""Share of the answer's words that must meet in one sentence of the context."""
SHARE_SAME = 0.6
"""Share of all words of both sentences, from which a different negation or an opposite is a contradiction."""
COMMON_IN = 200
"""A word that is in more sentences of the context than this tells nothing; it also bounds the work."""
MIN_WORDS_OF_CLAIM = 5
MIN_FIGURE = 10
"""Smaller numbers count steps and lists as often as facts."""
_SHORTEST_WORD = 3

_WORD = re.compile(r"[^\W\d_][\w'\u2019-]{1,30}")
_NOT = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|cannot|without|unable|refuse[sd]?|fail(?:s|ed)?)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence, as far as it can be compared."""

    span: Span
    words: frozenset[str]
    amounts: tuple[Quantity, ...]
    values: Mapping[str, frozenset[float]]
    """What the amounts come to, by unit."""
    negated: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """The declared context, indexed by word."""

    claims: Sequence[Claim]
    by_word: Mapping[str, Sequence[int]]
    values: frozenset[tuple[float, str]]

    def about(self, claim: Claim) -> tuple[Claim, int] | None:
        """Return the sentence that speaks most surely of the same thing, and how many words they share."""
        shared = Counter(
            index
            for word in sorted(claim.words)
            if len(self.by_word.get(word, ())) <= COMMON_IN
            for index in self.by_word.get(word, ())
        )
        if not shared:
            return None
        index, count = max(shared.items(), key=lambda item: (item[1], -len(self.claims[item[0]].words), -item[0]))
        enough = count >= MIN_SHARED and count >= SHARE_ABOUT * len(claim.words)
        return (self.claims[index], count) if enough else None


def claims(text: str) -> tuple[Claim, ...]:
    """Return the sentences of ``text`` as claims."""
    return tuple(_claim(text, span) for span in Sentences.of(text).spans())


def ground(context: str) -> Ground:
    """Index the declared context."""
    told = claims(context)
    by_word: dict[str, list[int]] = {}
    for index, claim in enumerate(told):
        for word in claim.words:
            by_word.setdefault(word, []).append(index)
    values = frozenset((amount.value, amount.unit) for claim in told for amount in claim.amounts)
    return Ground(told, by_word, values)


def contradictions(material: Material) -> Iterator[Finding]:
    """Yield every sentence of the output that the declared context speaks against."""
    told = ground(material.context)
    for claim in claims(material.output):
        match = told.about(claim)
        if match is not None:
            yield from _against(claim, *match, told)


def unsupported(material: Material) -> Iterator[Finding]:
    """Yield figures of the output that stand neither in the declared context nor in the question."""
    if not material.context.strip():
        return
    known = {amount.value for text in (material.context, material.input) for amount in quantities(text)}
    for claim in claims(material.output):
        if len(claim.words) < MIN_WORDS_OF_CLAIM:
            continue
        strange = [
            amount
            for amount in claim.amounts
            if amount.value not in known and amount.value > MIN_FIGURE and amount.unit
        ]
        if strange:
            yield _finding(
                "unsupported_claim",
                "truth.figure",
                "A figure is given that the context does not hold.",
                strange[0].span,
                0.3,
            )


def _claim(text: str, span: Span) -> Claim:
    sentence = text[span.start : span.end]
    words = frozenset(
        stem(word)
        for match in _WORD.finditer(sentence)
        if (word := match[0].casefold()) not in STOP_WORDS and len(word) >= _SHORTEST_WORD
    )
    amounts = tuple(quantities(text, span.start, span.end))
    return Claim(span, words, amounts, _by_unit(amounts), len(_NOT.findall(sentence)) % 2 == 1)


def _by_unit(amounts: Sequence[Quantity]) -> Mapping[str, frozenset[float]]:
    values: dict[str, set[float]] = {}
    for amount in amounts:
        values.setdefault(amount.unit, set()).add(amount.value)
    return {unit: frozenset(given) for unit, given in values.items()}


def _against(claim: Claim, told: Claim, shared: int, ground_: Ground) -> Iterator[Finding]:
    """Yield what ``told`` has against ``claim``; the work follows the claim's length, however long ``told`` is."""
    for amount in claim.amounts:
        others = told.values.get(amount.unit, frozenset()) if amount.unit else frozenset()
        if others and amount.value not in others and (amount.value, amount.unit) not in ground_.values:
            yield _finding(
                "contradiction", "truth.number", "A number differs from the declared context.", amount.span, 0.75
            )
    words = len(claim.words) + len(told.words) - len(claim.words & told.words)
    if claim.negated is not told.negated:
        if shared >= SHARE_SAME * words:
            yield _finding(
                "contradiction", "truth.negation", "The context says the opposite of a sentence.", claim.span, 0.65
            )
    elif shared + 1 >= SHARE_SAME * (words - 1) and _opposed(claim.words, told.words):
        yield _finding(
            "contradiction", "truth.opposite", "A word stands for its opposite in the context.", claim.span, 0.6
        )


def _opposed(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Tell whether a word that only we have is the opposite of one that only they have."""
    opposites = (other for word in ours - theirs for other in OPPOSITES.get(word, ()))
    return any(other in theirs and other not in ours for other in opposites)


def _finding(category: str, rule_id: str, description: str, span: Span, weight: float) -> Finding:
    return Finding(
        rule_id=rule_id, category=category, description=description, side=Side.OUTPUT, span=span, weight=weight
    )
