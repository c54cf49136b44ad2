"""Whether two questions ask the same, word for word but for words that carry nothing (trap T24, ruling C7).

Vectors cannot tell this. With the mesh's own embedding model "above 5,000 euros" and "below 5,000 euros" have a cosine
of 0.99, "Is Rome bigger than Berlin?" and its reverse 0.99, and "convert 10 USD to EUR" and its reverse 0.98: nearer
than most paraphrases. So whatever may matter must be there in both questions, in the same order: numbers, names, units,
negations, and every word that is not known to be empty. A word that nobody thought of counts.
"""

import re
from collections.abc import Iterator

Gist = tuple[str, ...]
"""What a question says, in order."""

MAX_CHARACTERS = 250
"""A word piece has a character at least and the model reads 256 of them: of a longer question it might miss the end."""

_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*"  # a number, a version
    r"|[^\W_]+(?:[-_'][^\W_]+)*"  # a word, also full-time, A_1, don't
    r"|[^\w\s]",  # a sign: operators and currencies matter
)
_PUNCTUATION = frozenset('.,;:?!"()[]…')
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_POLITE = re.compile(
    r"^\W*(?:(?:please|kindly|hello|hi)\W+|(?:can|could|would) you (?:please )?(?=tell|explain|show|list|give))+",
    re.IGNORECASE,
)
_TELL = re.compile(r"^\W*(?:tell|give|show) (?:me|us) (?=the\b)", re.IGNORECASE)
_EMPTY = frozenset({"the", "a", "an", "is", "are", "am", "do", "does", "please", "kindly"})
_HOW_TO = frozenset({"can", "could"})
"""Empty after "how": how can I, how do I."""
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve"
_SAME = {
    "which": "what",
    "get": "have",
    "plus": "+",
    "minus": "-",
    "times": "*",
    "percent": "%",
    **{word: str(number) for number, word in enumerate(_COUNTED.split())},
}
_ASKERS = frozenset({"what", "which", "who", "where", "when", "how", "why", "it", "that", "there"})
"""Words after which 's is short for "is"."""
_CAPITAL_A = frozenset({"A"})
_SHORTEST_PLURAL = 4


def alike(one: str, other: str) -> bool:
    """Tell whether both ask the same; in doubt they do not."""
    return one == other or gist(one) == gist(other)


def gist(question: str) -> Gist:
    """Return what ``question`` says without its empty words, each word in one form."""
    text = _TELL.sub("what is ", _POLITE.sub("", question.replace("\u2019", "'")))
    words = [word for token in _TOKEN.findall(text) for word in _spelled_out(token)]
    return tuple(_genitives_in_front([_one_form(word) for word in _without_empty(words)]))


def _spelled_out(token: str) -> Iterator[str]:
    """Yield the words of a token: don't is do and not, what's is what and is, Anna's stays two."""
    word = token.casefold()
    if word in {"cannot", "can't"}:
        yield from ("can", "not")
    elif word == "won't":
        yield from ("will", "not")
    elif word.endswith("n't"):
        yield from (word.removesuffix("n't"), "not")
    elif word.endswith("'s"):
        before = word.removesuffix("'s")
        yield from (before, "is" if before in _ASKERS else "'s")
    elif token in _CAPITAL_A:
        yield token  # of vitamin A; at the start it is lost as an article below
    elif word not in _PUNCTUATION:
        yield word


def _without_empty(words: list[str]) -> Iterator[str]:
    before = ""
    for number, word in enumerate(words):
        empty = word in _EMPTY or (before == "how" and word in _HOW_TO) or (word in _CAPITAL_A and number == 0)
        # A mark in the place of what ends a noun phrase, so that "of" knows how far its own reaches.
        yield "" if empty else word
        before = word


def _one_form(word: str) -> str:
    if _GROUPED.fullmatch(word):
        return word.replace(",", "")
    word = _SAME.get(word, word)
    if len(word) < _SHORTEST_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


def _genitives_in_front(words: list[str]) -> list[str]:
    """Return the words with "days of annual leave" as "annual leave days", and without the marks."""
    ordered: list[str] = []
    place = 0
    while place < len(words):
        if words[place] == "of" and ordered and ordered[-1]:
            end = place + 1
            while end < len(words) and words[end] and words[end] != "of":
                end += 1
            ordered[-1:] = [*words[place + 1 : end], ordered[-1]]
            place = end
        else:
            ordered.append(words[place])
            place += 1
    return [word for word in ordered if word]
