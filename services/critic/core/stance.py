"""Tells what a sentence does with the words a rule has found: asserts them, denies them, or only speaks about them.

"Do not discriminate", "harassment means ..." and 'he was told "you are worthless"' hold the same words as the thing
itself. The reading stays inside one sentence on purpose: a text elsewhere can then never talk a finding away.
"""

import re
from enum import StrEnum

from services.critic.core.material import Span
from services.critic.core.sentences import Sentences

REACH = 160
"""How many code points on either side of a hit are read."""


class Stance(StrEnum):
    """How the words are meant."""

    ASSERTED = "asserted"
    DENIED = "denied"
    """Negated, forbidden, warned of."""
    REPORTED = "reported"
    """Quoted, defined, or told about somebody else."""
    ASKED = "asked"
    """Asked about, not asked for."""


_TURN = re.compile(
    r"\b(?:but|however|yet|although|though|instead|except|unless|then|so)\b|[;:\u2014]|\s-\s", re.IGNORECASE
)
"""A word or mark after which an earlier denial no longer holds."""

_DENIAL = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|must|should|shall|will|would|can|could|may|has|have)(?:\s+not|n['\u2019]t)|cannot"
    r"|can['\u2019]t|won['\u2019]t|never|avoid(?:s|ed|ing)?|prevent(?:s|ed|ing)?|prohibit(?:s|ed|ing)?|forbid(?:s|den|ding)?"
    r"|ban(?:s|ned|ning)?|outlaw(?:s|ed|ing)?|against|refus(?:e|es|ed|ing)\s+to|refrain(?:s|ing)?\s+from|rather\s+than"
    r"|protect(?:s|ed|ing)?\s+(?:\w+\s+){0,4}(?:from|against)|stop(?:s|ped|ping)?\s+(?:\w+\s+){0,3}from|no\s+one\s+(?:may|should|can)"
    r"|nobody\s+(?:may|should|can)|(?:illegal|unlawful|wrong|unethical|unacceptable|unfair|harmful|dangerous)\s+(?:to|for)"
    r"|not\s+(?:acceptable|allowed|permitted|okay|ok|true)|without\s+(?:ever\s+)?(?=\w+ing\b)|risks?\s+of|beware\s+of|report\s+(?:any|anyone|every))\b",
    re.IGNORECASE,
)
_NO_DENIAL = re.compile(
    r"(?:(?:\bnot|n['\u2019]t|\bnever)\s+(?:only|just|merely|hesitate|forget|fail|stop|worry|let)\b"
    r"|\b(?:do|does|did|can|could|would|will)n['\u2019]t\s+(?:you|we|they|i)\b|\bwhy\s+(?:not|don['\u2019]t)\b)",
    re.IGNORECASE,
)
_COUNTERED = re.compile(
    r"(?<![\w-])(?:report|prevent|stop|combat|fight|detect|recogni[sz]e|identify|remove|counter|address|reduce|respond\s+to|deal\s+with|cope\s+with"
    r"|recover\s+from|defend\s+(?:\w+\s+){0,2}against|protect\s+(?:\w+\s+){0,3}(?:from|against)|survive|tackle|discourage|avoid|mitigate|block"
    r"|condemn|oppose|raise\s+awareness\s+(?:of|about)|help\s+(?:the\s+)?(?:victims|survivors)\s+of)(?:e?s|e?d|ing)?\s+(?:(?!(?:and|or|then|to)\b)[\w'-]+\s+){0,3}?[\w'-]+$",
    re.IGNORECASE,
)
"""A verb that turns what follows it into something to be ended."""
_FICTION = re.compile(
    r"\b(?:story|stories|novel|poem|film|movie|song|essay|article|book|scene|screenplay|play|thriller|documentary|episode|chapter)"
    r"\s+(?:about|in\s+which|where|set|featuring|on)\b",
    re.IGNORECASE,
)
_RECIPE = re.compile(r"\b(?:how\s+to|step|instructions?|recipe|exact|detail(?:ed|s)?|real)\b", re.IGNORECASE)
_CONDEMNED = re.compile(
    r"^[^.!?;]{0,60}\b(?:is|are|was|were|be|being|remains?|constitutes?)\s+(?:\w+ly\s+)?"
    r"(?:prohibited|forbidden|illegal|unlawful|wrong|unacceptable|unethical|banned|false|untrue|a\s+myth|against|not\s+(?:allowed|permitted|acceptable|tolerated|true|okay|ok)"
    r"|an?\s+(?:offen[cs]e|crime|violation|breach))\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:said|says|wrote|writes|shout(?:s|ed)|told|called|quot(?:e|es|ed|ing)|(?:an?|the)\s+(?:\w+\s+)?(?:word|phrase|term|message|sentence|slogan|claim|stereotype|myth|belief|idea|notion)"
    r"|defin(?:es?|ed|ition)|refers?\s+to|means|known\s+as|example\s+of|form\s+of|according\s+to|alleg(?:es|ed|edly|ation)|complain(?:s|ed|t)"
    r"|article|stud(?:y|ies)|research(?:ers?)?|histor(?:y|ical|ians?)|novel|film|documentary|survivors?|victims?\s+of|awareness|training\s+(?:on|about|module)|policy\s+(?:on|about|against)"
    r"|(?:was|were|been)\s+(?:convicted|charged|accused|fined|sued))\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"^\W*(?:is\s+it|are\s+there|is\s+there|are\s+we\s+allowed|may\s+(?:i|we)|why\s+(?:is|are|do|does|did)|what\s+(?:is|are|does|do|happens)|who\s+(?:is|are)"
    r"|explain|describe|define|summari[sz]e|discuss|how\s+(?:can|do|should|could)\s+(?:i|we|you|one|companies|employers)\s+(?:prevent|avoid|report|stop|respond|detect|recogni[sz]e|fight|handle|protect))\b",
    re.IGNORECASE,
)
_QUOTES = re.compile(r"[\"\u201c][^\"\u201c\u201d\n]{0,300}[\"\u201d]")


def read(sentences: Sentences, hit: Span) -> Stance:
    """Return how the sentence around ``hit`` means the words of the hit."""
    sentence = sentences.around(hit.start)
    text = sentences.text
    before = text[max(sentence.start, hit.start - REACH) : hit.start]
    after = text[hit.end : min(sentence.end, hit.end + REACH)]
    if _denied(before) or _countered(text, sentence, hit) or _CONDEMNED.search(after):
        return Stance.DENIED
    if _TOLD.search(before) or _invented(text, sentence, hit) or _quoted(before, text[hit.start : hit.end], after):
        return Stance.REPORTED
    return Stance.ASKED if _ASKED.search(text[sentence.start : sentence.start + REACH]) else Stance.ASSERTED


def _denied(before: str) -> bool:
    turns = [match.end() for match in _TURN.finditer(before)]
    clause = before[turns[-1] :] if turns else before
    return bool(_DENIAL.search(clause)) and not _NO_DENIAL.search(clause)


def _invented(text: str, sentence: Span, hit: Span) -> bool:
    """Whether the words belong to a tale that is asked for or told, and not to a recipe in its clothes."""
    window = text[max(sentence.start, hit.end - REACH) : hit.end]
    return bool(_FICTION.search(window)) and not _RECIPE.search(window)


def _countered(text: str, sentence: Span, hit: Span) -> bool:
    """Whether a verb such as *prevent* governs the end of the hit; a hit that begins with it means the verb itself."""
    begin = max(sentence.start, hit.end - REACH)
    match = _COUNTERED.search(text, begin, hit.end)
    return match is not None and match.start() != hit.start


def _quoted(before: str, words: str, after: str) -> bool:
    """Whether the words stand inside quotation marks together with a word that marks a quotation."""
    window = before + words + after
    start, end = len(before), len(before) + len(words)
    inside = any(q.start() < start and end < q.end() for q in _QUOTES.finditer(window))
    return inside and bool(_TOLD.search(after))
