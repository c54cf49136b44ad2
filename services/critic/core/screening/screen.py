"""Lays the tables over every reading of a text and works out what they come to together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.critic.core.letters import lowered
from services.critic.core.material import Span
from services.critic.core.scoring import any_of
from services.critic.core.screening.injection import RULES, RUN_TOGETHER, InjectionRule
from services.critic.core.screening.noise import find_noise
from services.critic.core.screening.personal_data import find_personal_data
from services.critic.core.screening.secrets import find_secrets
from services.critic.core.screening.verdict import Level, ScreenFinding, Verdict, level_of
from services.critic.core.screening.views import View, views
from services.critic.core.sentences import Sentences
from services.critic.core.stance import Stance, read

SCREEN_VERSION = "screen@1"
TALKED_ABOUT = 0.4
"""What a phrase counts that is quoted, warned of or asked about rather than used."""
DISGUISED = 1.2
"""What a phrase counts that somebody took the trouble to encode."""
_ENCODINGS = frozenset({"base64", "hex", "url", "escape", "rot13"})
_ABOUT = frozenset({Stance.DENIED, Stance.REPORTED, Stance.ASKED})
_AT_ITS_WORD = frozenset(
    {"injection.never_refuse", "injection.tool_call", "injection.unbound", "injection.reveal_asked"}
)
"""Rules whose phrase is itself a denial or a question."""


def screen(text: str) -> Verdict:
    """Return what screening says of ``text``. The work grows linearly with its length."""
    readings = tuple(views(text))
    attacks = _together(tuple(_attacks(readings)))
    secrets = _secrets(readings)
    return Verdict(findings=(*attacks, *secrets, *find_personal_data(text), *find_noise(text)))


def _attacks(readings: Sequence[View]) -> Iterator[ScreenFinding]:
    """Yield each rule once, from the plainest reading in which it shows."""
    seen: set[str] = set()
    for view in readings:
        table = (*RULES, RUN_TOGETHER) if view.chain[-1:] == ("spacing",) else RULES
        sentences = Sentences.of(lowered(view.text))
        for row in table:
            if row.rule_id not in seen and (finding := _match(row, view, sentences)) is not None:
                seen.add(row.rule_id)
                yield finding


def _match(row: InjectionRule, view: View, sentences: Sentences) -> ScreenFinding | None:
    match = row.pattern.search(sentences.text)
    if match is None:
        return None
    score = row.score * _meant(row, sentences, Span(*match.span()))
    if _ENCODINGS.intersection(view.chain):
        score = min(1.0, score * DISGUISED)
    return ScreenFinding(
        rule_id=row.rule_id,
        level=level_of(score),
        score=score,
        span=view.place(Span(*match.span())),
        chain=view.chain,
        description=row.description,
    )


def _meant(row: InjectionRule, sentences: Sentences, hit: Span) -> float:
    if row.rule_id in _AT_ITS_WORD:
        return 1.0
    return TALKED_ABOUT if read(sentences, hit) in _ABOUT else 1.0


def _together(findings: Sequence[ScreenFinding]) -> tuple[ScreenFinding, ...]:
    """Raise the strongest finding to what all phrases come to as independent evidence; the others stay as they are."""
    if not findings:
        return ()
    score = any_of(finding.score for finding in findings)
    strongest = max(findings, key=lambda finding: finding.score)
    raised = replace(strongest, score=score, level=max(strongest.level, level_of(score)))
    return tuple(raised if finding is strongest else finding for finding in findings)


def _secrets(readings: Sequence[View]) -> Iterator[ScreenFinding]:
    """Yield credentials in the text as it stands, and behind an encoding those that no chance would spell."""
    yield from find_secrets(readings[0].text)
    for view in readings:
        if _ENCODINGS.intersection(view.chain):
            found = find_secrets(view.text, view.chain)
            yield from (replace(one, span=view.place(one.span)) for one in found if one.level >= Level.HIGH)
