"""The truth critic: invented sources, overconfidence, and what the declared context speaks against.

It judges the answer only: a question may be wrong without anybody lying. It owns no clause.
"""

import re
from collections.abc import Iterator

from services.critic.core.claims import contradictions, unsupported
from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material, Span
from services.critic.core.rules import Rule, rule, scan
from services.critic.core.vocabulary import CriticName, Side

VERSION = "1"
_OUT = (Side.OUTPUT,)

RULES: tuple[Rule, ...] = (
    rule(
        "truth.certain",
        "overconfidence",
        0.45,
        r"(?:100\s?%|absolutely|completely|totally|one\s+hundred\s+percent|unquestionably|undoubtedly|indisputably)\s+(?:certain|sure|guaranteed|true|correct|accurate|safe|proven|effective|risk[-\s]free|impossible)|(?:guaranteed|certain|sure)\s+to\s+(?:work|win|succeed|profit|cure|double|pass|rise)|without\s+(?:any|a\s+shadow\s+of\s+a|the\s+slightest)\s+doubt|there\s+is\s+(?:absolutely\s+)?no\s+(?:doubt|question|risk|chance\s+of\s+(?:failure|error))|it\s+is\s+(?:an\s+)?(?:undeniable|indisputable|absolute)\s+(?:fact|truth)?|i\s+guarantee|impossible\s+to\s+(?:fail|lose|be\s+wrong)",
        "More certainty is claimed than any source gives.",
        sides=_OUT,
    ),
    rule(
        "truth.universal",
        "overconfidence",
        0.4,
        r"(?:every(?:one|body)|all\s+(?:experts?|scientists?|doctors?|economists?|historians?))\s+(?:knows?|agrees?|confirms?|accepts?)|no\s*(?:body|\s+one|\s+serious\s+\w+|\s+scientist|\s+expert)\s+(?:disputes?|denies|doubts|disagrees)|(?:scientifically|medically|clinically)\s+proven\s+(?:beyond|without|to\s+(?:always|cure|eliminate|guarantee))|(?:always|never)\s+(?:works?|fails?)\s+(?:for|in|on)\s+(?:every|all|any)\w*|cures?\s+(?:all|every|any|cancer|diabetes|autism|alzheimer\w*|aids|covid\w*)",
        "A general agreement or effect is claimed that cannot be shown.",
        sides=_OUT,
    ),
    rule(
        "truth.vague_source",
        "unverifiable_source",
        0.3,
        r"(?:studies|research|experts?|scientists?|science|statistics|data)\s+(?:have\s+|has\s+)?(?:show(?:s|n|ed)?|prove[sdn]?|say|says|agree|confirm(?:s|ed)?)\s+(?:that|it|this)|according\s+to\s+(?:a\s+)?(?:recent\s+|new\s+|leading\s+|some\s+|many\s+)(?:study|studies|research|experts?|scientists?|survey|surveys)|it\s+is\s+(?:well\s+|widely\s+)?known\s+that",
        "A source is claimed but not named.",
        sides=_OUT,
    ),
)

_BAD_DOI = re.compile(r"\b10\.(?:0{4}|1234|9999|x{4,9})/\S{1,80}|\bdoi\.org/(?!10\.)\S{1,80}", re.IGNORECASE)
_BAD_ARXIV = re.compile(r"\barxiv:\s?(?:\d{2}(?:00|1[3-9]|[2-9]\d)\.\d{4,5}|\d{5,}\.\d+)", re.IGNORECASE)
_BAD_PLACE = re.compile(
    r"https?://(?:www\.)?(?:example|fake|placeholder|yourdomain)\.(?:com|org|net)\S{0,80}|\[(?:citation|source|author|insert)[^\]\n]{0,40}\]|\((?:author|name|smith),?\s+(?:year|n\.d\.|xxxx)\)",
    re.IGNORECASE,
)
_BACKWARDS_PAGES = re.compile(r"\bpp?\.\s?(\d{1,5})\s?[-\u2013]\s?(\d{1,5})\b")
_CITATION = re.compile(
    r"\b10\.\d{4,9}/[^\s\])}>,;\"]{3,80}|\barxiv:\s?\d{4}\.\d{4,5}|\b[A-Z][\w'\u2019-]{1,30}\s+et\s+al\.?,?\s+\(?(?:19|20)\d{2}\)?|\([A-Z][\w'\u2019-]{1,30}(?:\s+(?:&|and)\s+[A-Z][\w'\u2019-]{1,30})?,\s+(?:19|20)\d{2}[a-z]?\)|\b\d{1,4}\s+(?:U\.S\.|F\.(?:2d|3d|4th)|S\.\s?Ct\.)\s+\d{1,5}\b|\bISBN[:\s-]{1,3}[\d-]{10,17}"
)


def detect(material: Material) -> tuple[Finding, ...]:
    """Return what the rules, the shapes of citations and the declared context find."""
    return (
        *scan(RULES, material),
        *_impossible(material.output),
        *_unbacked(material),
        *contradictions(material),
        *unsupported(material),
    )


def _impossible(output: str) -> Iterator[Finding]:
    """Yield sources that cannot exist by their form."""
    spans = [Span(*match.span()) for shape in (_BAD_DOI, _BAD_ARXIV, _BAD_PLACE) for match in shape.finditer(output)]
    spans += [Span(*match.span()) for match in _BACKWARDS_PAGES.finditer(output) if _backwards(match)]
    for span in spans:
        yield _finding(
            "truth.impossible_source",
            "fabricated_source",
            "A source is cited that cannot exist in this form.",
            span,
            0.8,
        )


def _backwards(match: re.Match[str]) -> bool:
    """Whether a page range ends before it starts; a shortened end such as 123-34 does not count."""
    return len(match[1]) == len(match[2]) and int(match[1]) > int(match[2])


def _unbacked(material: Material) -> Iterator[Finding]:
    """Yield sources that neither the declared context nor the question names."""
    known = " ".join(f"{material.context} {material.input}".casefold().split())
    weight = 0.6 if material.context.strip() else 0.35
    for match in _CITATION.finditer(material.output):
        if " ".join(match[0].casefold().split()) not in known:
            yield _finding(
                "truth.unbacked_source",
                "unverifiable_source",
                "A source is cited that the context does not name.",
                Span(*match.span()),
                weight,
            )


def _finding(rule_id: str, category: str, description: str, span: Span, weight: float) -> Finding:
    return Finding(
        rule_id=rule_id, category=category, description=description, side=Side.OUTPUT, span=span, weight=weight
    )


MANDATE = Mandate(
    name=CriticName.TRUTH,
    purpose="Invented or unnamed sources, overconfidence, figures and sentences that the declared context contradicts.",
    detect=detect,
    rules_version=VERSION,
)
