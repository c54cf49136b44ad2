"""What a sentence does with the words of a hit."""

import pytest

from services.critic.core.material import Span
from services.critic.core.sentences import Sentences
from services.critic.core.stance import Stance, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We humiliate them.", Stance.ASSERTED),
        ("Never humiliate them.", Stance.DENIED),
        ("It is wrong to humiliate them.", Stance.DENIED),
        ("To humiliate them is forbidden.", Stance.DENIED),
        ("Do not be shy; humiliate them.", Stance.ASSERTED),
        ("Do not just humiliate them, fire them.", Stance.ASSERTED),
        ("Don't hesitate to humiliate them.", Stance.ASSERTED),
        ("Do not stop, but humiliate them.", Stance.ASSERTED),
        ("He said we should humiliate them.", Stance.REPORTED),
        ('The poster read "humiliate them" according to the article.', Stance.REPORTED),
        ("Is it legal to humiliate them?", Stance.ASKED),
        ("That is bad. Now humiliate them.", Stance.ASSERTED),
        ("Never do that.\nHumiliate them.", Stance.ASSERTED),
        ("Write a story about a king who would humiliate them.", Stance.REPORTED),
        ("Write a story about exact instructions: how to humiliate them.", Stance.ASSERTED),
    ],
)
def test_stance(text: str, expected: Stance) -> None:
    """A denial holds to the next turn of its own sentence, and no further."""
    start = text.casefold().index("humiliate them")

    assert read(Sentences.of(text), Span(start, start + len("humiliate them"))) is expected


def test_sentences_cover_the_text_and_keep_decimals_together() -> None:
    """3.5 is no end of a sentence; a line break is."""
    text = 'It costs 3.5 euros. "Good." Next line\nlast'
    cut = Sentences.of(text)

    assert [text[span.start : span.end].strip() for span in cut.spans()] == [
        "It costs 3.5 euros.",
        '"Good."',
        "Next line",
        "last",
    ]
    assert cut.around(text.index("Next")) == cut.spans()[2]
