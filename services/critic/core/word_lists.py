"""Lists of English words that reading amounts and comparing sentences need."""

from collections.abc import Mapping

_STOP = """
the a an and or of to in on at by for from with as is are was were be been being it its this that these those
their there they them he she his her him you your we our us will would can could may might must should shall do
does did have has had not no than then so if but also which who whom what when where how all any each more most
other some such only own same too very just into about over after before between under again once here per via
yes
"""
_IDLE = """
working business calendar full paid unpaid consecutive about of the more less than at least most and or to in
for a an is are was were per on by from with extra additional new
"""
_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
"""
_PAIRS = """
increase/decrease rise/fall rose/fell grow/shrink gain/lose buy/sell accept/reject agree/disagree agree/refuse
allow/forbid allow/prohibit permit/prohibit approve/deny approve/reject pass/fail win/lose won/lost open/closed
open/close start/stop begin/end first/last early/late before/after above/below more/less more/fewer higher/lower
high/low better/worse best/worst always/never safe/dangerous safe/unsafe true/false same/different
support/oppose love/hate like/dislike remember/forget find/lose hot/cold young/old rich/poor morning/evening
today/tomorrow today/yesterday tomorrow/yesterday mother/father brother/sister mom/dad son/daughter wife/husband
boy/girl uncle/aunt monday/tuesday positive/negative major/minor mandatory/optional required/optional
paid/unpaid public/private internal/external manual/automatic supervised/unsupervised known/unknown
possible/impossible improve/worsen reduce/increase outperform/underperform faster/slower fast/slow
simple/complex large/small strong/weak success/failure succeed/fail available/unavailable legal/illegal
minimum/maximum happy/sad good/bad easy/difficult full/empty north/south east/west
"""

STOP_WORDS = frozenset(_STOP.split())
"""Words that say nothing about what a sentence is about."""
IDLE_WORDS = frozenset(_IDLE.split())
"""Words between an amount and what it counts."""
NUMBER_WORDS = tuple(_NUMBERS.split())
"""Zero to twenty, in order."""


_SHORTEST_STEM = 3


def stem(word: str) -> str:
    """Return a word without its commonest English endings; two forms of one word mostly meet."""
    lower = word.casefold()
    for ending, put in (("ies", "y"), ("ing", ""), ("ied", "y"), ("ed", ""), ("es", ""), ("s", "")):
        if lower.endswith(ending) and len(lower) - len(ending) >= _SHORTEST_STEM:
            return (lower[: -len(ending)] + put).rstrip("e")
    return lower.rstrip("e") if len(lower) > _SHORTEST_STEM else lower


def _opposites() -> Mapping[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for pair in _PAIRS.split():
        left, right = (stem(word) for word in pair.split("/"))
        table.setdefault(left, set()).add(right)
        table.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in table.items()}


OPPOSITES = _opposites()
"""Stems and the stems that mean their opposite."""
