"""The rights critic: discrimination, coercion, attacks on dignity, and privacy. It owns the dignity and privacy clauses."""
# ruff: noqa: E501 - a pattern is one row of a table; cut in pieces it could not be read or searched

from collections.abc import Sequence

from services.critic.core.finding import Finding
from services.critic.core.lexicon import names_protected_group
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.rules import BOTH, DENIAL, NOTHING, Rule, rule, scan
from services.critic.core.scoring import in_output
from services.critic.core.severity import MODERATE
from services.critic.core.stance import Stance
from services.critic.core.vocabulary import CriticName, Side

VERSION = "1"
PROTECTED_FACTOR = 1.2
"""A protected characteristic that is named makes the same act weigh more."""

_INHUMAN = (
    r"animals|vermin|rats|cockroach(?:es)?|parasites|apes|monkeys|dogs|pigs|savages|subhumans?|filth|garbage|trash|scum|a\s+(?:plague|disease|cancer|virus|pest)"
    r"|not\s+(?:really\s+|fully\s+)?human|less\s+than\s+human|inferior(?:\s+(?:race|beings|people))?|worthless|disgusting|degenerates?|an\s+abomination"
)
_SCORN = (
    r"worthless|pathetic|an?\s+(?:\w+\s+){0,2}?(?:idiot|moron|loser|failure|imbecile|waste\s+of\s+\w+|disgrace|nobody|bitch|whore|slut|cunt)"
    r"|stupid|disgusting|useless|ugly|trash|garbage|scum|nothing|subhuman"
)
_DATA = r"data|records?|files?|histor(?:y|ies)|photos?|images?|messages|emails?|recordings?|logs?|results?|information|profiles?|samples?|footage"

_DIGNITY: tuple[Rule, ...] = (
    rule("rights.slur", "dignity_attack", 0.8, r"<slur>", "A slur is used.", excused=frozenset({Stance.REPORTED})),
    rule(
        "rights.dehumanise",
        "dehumanisation",
        0.9,
        rf"(?:<group>|(?:those|these|such)\s+people)\s+(?:are|is|were)\s+<few>(?:{_INHUMAN})",
        "A group of people is called less than human.",
        clause_id="D2",
        critical=True,
    ),
    rule(
        "rights.hate",
        "dignity_attack",
        0.8,
        r"(?:i|we|everyone|all\s+of\s+us)\s+<few>(?:hate|despise|loathe)\s+(?:all\s+|those\s+|these\s+|the\s+|you\s+)?<group>",
        "Hatred of a group is voiced.",
    ),
    rule(
        "rights.eliminate",
        "dehumanisation",
        0.95,
        r"(?:kill|exterminate|gas|lynch|wipe\s+out|get\s+rid\s+of|deport|round\s+up|sterili[sz]e|hang|shoot|burn)\s+(?:all\s+|every\s+|those\s+|these\s+|the\s+|off\s+)<few><group>",
        "Violence or removal is called for against a group.",
        clause_id="D2",
        critical=True,
    ),
    rule(
        "rights.go_back",
        "dignity_attack",
        0.6,
        r"go\s+back\s+(?:to\s+(?:your|their|where|africa|mexico)|where\s+(?:you|they)\s+(?:came|belong))",
        "Someone is told that they do not belong here.",
    ),
    rule(
        "rights.insult",
        "dignity_attack",
        0.6,
        rf"you(?:\s+are|['\u2019]re|r)?\s+(?:just\s+|all\s+|such\s+|so\s+|nothing\s+but\s+|really\s+)?(?:{_SCORN})",
        "A person is insulted to their face.",
    ),
    rule(
        "rights.abuse",
        "dignity_attack",
        0.45,
        r"(?:stupid|dumb|ugly|fat|nasty|lying|fucking|ass|dirty|trashy?)\s+(?:bitch(?:es)?|whores?|sluts?|hoes?|cunts?|asshole|bastards?|niggas?)"
        r"|(?:these|them|those|all|yo|your|my|a|that|this|dat|dis|ya|u|you|da|the)\s+(?:hoes?|bitch(?:es)?|cunts?|pussies|sluts?|whores?)|fuck\s+(?:you|u|off|them|these|that)|son\s+of\s+a\s+bitch",
        "Degrading names are used for people.",
    ),
    rule(
        "rights.shame",
        "humiliation",
        0.8,
        r"(?:publicly\s+(?:shame|humiliate|ridicule|mock|expose)|name\s+and\s+shame|humiliate|ridicule|make\s+an\s+example\s+of|degrade|parade)\s+<few><someone>|wall\s+of\s+shame|(?:post|publish|display|print|list|read\s+out|announce)\s+<any>(?:names?|photos?|faces?|pictures?)\s+<any>\s*to\s+(?:embarrass|shame|humiliate|mock|deter|teach)",
        "People are to be humiliated or put on show.",
        clause_id="D2",
        critical=True,
    ),
    rule(
        "rights.brand",
        "humiliation",
        0.8,
        r"(?:label|brand|mark|tag|stamp)\s+<few><someone>\s+<few>(?:as\s+)?(?:lazy|criminals?|undesirables?|inferior|dirty|dangerous|parasites?|second[-\s]class|problem\s+people)",
        "People are branded with a degrading mark.",
        clause_id="D2",
        critical=True,
    ),
    rule(
        "rights.means",
        "instrumentalisation",
        0.7,
        r"(?:treat|regard|use|see|think\s+of)\s+<few>(?:<someone>|<group>)\s+<few>(?:merely\s+|purely\s+|simply\s+|only\s+|just\s+)?(?:as|like)\s+(?:merely\s+|mere\s+|just\s+|a\s+|an\s+)?(?:numbers?|resources?|tools?|objects?|units?|cattle|machines?|means|disposable|expendable|test\s+subjects?|guinea\s+pigs?|raw\s+material)",
        "People are handled as a means.",
        clause_id="D1",
    ),
    rule(
        "rights.squeeze",
        "instrumentalisation",
        0.65,
        r"(?:squeeze|extract|wring)\s+(?:every|all|the\s+last|as\s+much|maximum)\s+<any>(?:out\s+of|from)\s+<few>(?:<someone>|<group>)",
        "People are to be used up for gain.",
        clause_id="D1",
    ),
    rule(
        "rights.burden",
        "voiceless_harm",
        0.65,
        r"(?:(?:<someone>|<group>)\s+<few>(?:have|has|had|get|were\s+given|will\s+have)\s+no\s+(?:say|voice|vote)|(?:the\s+)?(?:residents|villagers|communit(?:y|ies)|neighbou?rs|locals|families|tenants|patients|workers|<group>)\s+(?:\w+\s+)?(?:were|was|are|will\s+be)\s+(?:never|not)\s+(?:asked|consulted|heard|informed|told)|without\s+(?:consulting|asking|hearing|informing)\s+(?:the\s+)?(?:<few>)(?:residents|communit(?:y|ies)|neighbou?rhoods?|villagers|families|those\s+affected|people\s+affected|locals)"
        r"|(?:dump|relocate|place|build|shift)\s+<any>(?:cost|risk|waste|burden|pollution)\w*\s+(?:on|onto|to|in|near)\s+<few>(?:communit(?:y|ies)|villages?|neighbou?rhoods?|<group>))",
        "The harm falls on people who were given no say.",
        clause_id="D3",
    ),
)

_PRIVACY: tuple[Rule, ...] = (
    rule(
        "rights.infer",
        "trait_inference",
        0.8,
        r"(?:infer(?:s|red|ring)?|guess(?:es|ed|ing)?|deduc(?:e|es|ed|ing)|predict(?:s|ed|ing)?|work(?:ing)?\s+out|detect(?:s|ed|ing)?|classif(?:y|ies|ied|ying)|determin(?:e|es|ed|ing)|figur(?:e|ing)\s+out)\s+"
        r"(?:<any>(?:<someone>)(?:['\u2019]s?)?\s+<few>|whether\s+<any>|the\s+|each\s+<few>|a\s+<few>)<sensitive>\s*<any>\b(?:from|by|using|based\s+on|through|via|out\s+of)",
        "A sensitive trait or an identity is guessed.",
        clause_id="P1",
        critical=True,
    ),
    rule(
        "rights.spot",
        "trait_inference",
        0.8,
        r"(?:figure\s+out|find\s+out|tell|work\s+out|spot|identify|guess|predict|infer|detect|see|know|flag)\s+(?:who|which\s+\w+|whether\s+\w+|if\s+\w+)\s+(?:is|are|might\s+be|may\s+be|has|have)\s+(?:\w+\s+)?(?:gay|lesbian|trans(?:gender)?|pregnant|muslim|jewish|christian|religious|ill|sick|depressed|undocumented|disabled|hiv|an?\s+(?:immigrant|addict|union\s+member)|immigrants|in\s+a\s+union|poor|mentally)\b",
        "A sensitive trait or an identity is guessed.",
        clause_id="P1",
        critical=True,
    ),
    rule(
        "rights.face_match",
        "identity_linking",
        0.8,
        r"(?:combin|match|link|merg|join|compar|connect|cross[-\s]?referenc)(?:e|es|ed|ing)?\s+<any>(?:faces?|facial|phone\s+\w+|location|voice|licen[cs]e\s+plates?|fingerprints?|biometric\w*)\s+<any>(?:with|to|against|and)\s+<any>(?:social\s+media|profiles?|accounts?|addresses|watch\s?lists?|registers?|identit\w+)",
        "Identities are joined over services or time.",
        clause_id="P2",
        critical=True,
    ),
    rule(
        "rights.infer_named",
        "trait_inference",
        0.75,
        r"(?:her|his|their|the\s+\w+['\u2019]s)\s+(?:name|face|photo|accent|purchases|browsing|voice|clothes|clothing|posts|likes)\s+<few>(?:suggests?|shows?|reveals?|indicates?|means)\s+(?:that\s+)?(?:she|he|they)\s+(?:is|are|has|have)\s+(?:probably\s+|likely\s+|most\s+likely\s+)?(?:muslim|jewish|christian|gay|lesbian|bisexual|trans(?:gender)?|pregnant|depressed|ill|disabled|black|white|asian|an?\s+immigrant|undocumented|hiv)",
        "A sensitive trait of a person is read from unrelated signs.",
        clause_id="P1",
        critical=True,
        excused=DENIAL,
    ),
    rule(
        "rights.link",
        "identity_linking",
        0.8,
        r"(?:link|join|match|merge|correlat|cross[-\s]?referenc|connect|stitch|combin)(?:e|es|ed|ing|s)?\s+<any>(?:profiles?|identit(?:y|ies)|accounts?|records?|names?|real\s+names?|faces?|persons?|users?|people|customers?|devices?)\s+<any>"
        r"(?:across|between|over|to\s+their\s+(?:real|home|work|other)|with\s+(?:their|other)\s+<few>(?:profiles?|accounts?|records?|sites?|services?|addresses))",
        "Identities are joined over services or time.",
        clause_id="P2",
        critical=True,
    ),
    rule(
        "rights.reidentify",
        "identity_linking",
        0.85,
        r"(?:re-?identify|de-?anonymi[sz]e|unmask|dox|doxx)(?:s|d|es|ed|ing)?\s+<few>(?:<someone>|author|poster|reviewers?|whistle-?blowers?|data|dataset|users?|account|commenters?|critics?|sources?)",
        "An anonymous person is to be identified.",
        clause_id="P2",
        critical=True,
    ),
    rule(
        "rights.track",
        "identity_linking",
        0.75,
        r"(?:track|follow|monitor|trace)(?:s|ed|ing)?\s+<few>(?:<someone>)\s+<any>(?:across\s+(?:sites|apps|devices|sessions|the\s+web|services|platforms|stores)|everywhere|day\s+and\s+night|(?:at|in)\s+their\s+homes?|after\s+(?:work|hours))",
        "People are followed over sessions or places.",
        clause_id="P2",
        critical=True,
    ),
    rule(
        "rights.crossuse",
        "context_shift",
        0.7,
        rf"(?:us(?:e|es|ed|ing)|sell(?:s|ing)?|sold|shar(?:e|es|ed|ing)|pass(?:es|ed|ing)?|giv(?:e|es|ing)|send(?:s|ing)?|feed(?:s|ing)?|hand(?:s|ed|ing)?|upload(?:s|ed|ing)?)\s+<few>(?:(?:chat\s+)?(?:{_DATA})\s+of\s+<few>(?:patients|pupils|students|children|employees|tenants|members|users)|(?:medical|health|patients?|hospital|school|students?|hr|personnel|therapy|counsel(?:l)?ing|private|personal|location|children['\u2019]?s?|genetic|confession\w*)\s+<few>(?:{_DATA}))\s+<any>"
        r"(?:for|to|with|into)\s+<few>(?:marketing|market|advertis\w+|ads|ad\s+networks?|hiring|recruit\w+|insur\w+|credit|lend\w+|landlords?|employers?|third\s+part(?:y|ies)|data\s+brokers?|brokers?|partners?|police|sponsors?|sales)",
        "Data moves into a setting where nobody would expect it.",
        clause_id="P3",
    ),
    rule(
        "rights.reuse",
        "purpose_creep",
        0.7,
        rf"(?:re-?us(?:e|es|ed|ing)|re-?purpos(?:e|es|ed|ing)|us(?:e|ed|ing)|keep(?:ing)?|train(?:ed|ing)?\s+(?:\w+\s+){{0,3}}on|appl(?:y|ied|ying))\s+<few>(?:{_DATA})\s+<any>(?:beyond\s+(?:what|the\s+(?:original|agreed|stated))|for\s+(?:a\s+new|another|other|a\s+different|an\s+unrelated|new|different|any)\s+(?:purposes?|stud(?:y|ies)|projects?|research|products?|experiments?|trials?)|without\s+(?:asking|telling|informing|new|renewed|further)\s+<few>(?:again|consent|permission|them|users?|people|customers?))",
        "Data is used more widely than was permitted.",
        clause_id="P4",
    ),
    rule(
        "rights.private_fact",
        "privacy_exposure",
        0.6,
        r"(?:publish|post|leak|reveal|disclose|give\s+(?:me|out)|tell\s+me|find|look\s+up|list)\s+<few>(?:home\s+address|private\s+(?:address|phone|number|life|photos?)|social\s+security\s+numbers?|passport\s+numbers?|bank\s+(?:details|account)|medical\s+(?:records?|history)|nude\s+photos?|passwords?|credit\s+card\s+numbers?)",
        "Private facts about a person are exposed or asked for.",
    ),
    rule(
        "rights.ssn",
        "privacy_exposure",
        0.6,
        r"(?:ssn|social\s+security(?:\s+number)?)\D{0,20}\d{3}-\d{2}-\d{4}",
        "An identity number is printed.",
        sides=(Side.OUTPUT,),
        excused=NOTHING,
    ),
)

_LIBERTY: tuple[Rule, ...] = (
    rule(
        "rights.exclude",
        "discrimination",
        0.8,
        r"(?:deny|denies|denied|refuse|refuses|ban|bans|banish|exclude|excludes|expel|segregate|evict|bar|keep\s+out)\s+(?:all\s+|any\s+|every\s+|those\s+|these\s+|the\s+)?<group>(?!\s+(?:from\s+(?:harm|discrimination)|protection\s+against))",
        "A right or a place is refused to a group.",
        critical=True,
    ),
    rule(
        "rights.lesser",
        "discrimination",
        0.8,
        r"<group>\s+<few>(?:should|must|do|may|can|ought)(?:\s+not|n['\u2019]t)\s+(?:be\s+(?:allowed|permitted|able|given|trusted)|have\s+(?:the\s+)?(?:right|rights|vote|access)|deserve|vote|own|work|marry|drive|lead)",
        "A group is said to have fewer rights.",
        critical=True,
        excused=frozenset({Stance.REPORTED, Stance.ASKED}),
    ),
    rule(
        "rights.force",
        "coercion",
        0.8,
        r"(?:force|coerce|compel|blackmail|threaten|intimidate|extort)(?:s|d|ed|ing)?\s+<few>(?:<someone>|<group>)\s+(?:\w+\s+)?(?:to|into|with|until|unless|for|by)",
        "People are forced or threatened.",
        critical=True,
    ),
    rule(
        "rights.confine",
        "coercion",
        0.85,
        r"(?:lock|detain|confine|imprison|enslave|traffic)(?:s|ed|ing)?\s+<few>(?:<someone>|<group>)\s+<few>(?:up|in|without|against|until|for)",
        "People lose their liberty.",
        critical=True,
    ),
)

RULES = (*_DIGNITY, *_PRIVACY, *_LIBERTY)


def _floor(findings: Sequence[Finding], _: Material) -> float:
    """A critical category in the output is at least moderate."""
    return MODERATE if any(finding.critical for finding in in_output(findings)) else 0.0


def _factor(material: Material) -> float:
    return PROTECTED_FACTOR if any(names_protected_group(material.text(side)) for side in BOTH) else 1.0


def detect(material: Material) -> tuple[Finding, ...]:
    """Return what the rules find."""
    return scan(RULES, material)


MANDATE = Mandate(
    name=CriticName.RIGHTS,
    purpose="Discrimination, coercion, attacks on dignity, and privacy.",
    detect=detect,
    rules_version=VERSION,
    multiplier=_factor,
    floor=_floor,
)
