"""The fairness critic: group, individual, procedural and distributional fairness. It owns F1 to F3."""

import re
from collections.abc import Mapping

from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.rules import Rule, rule, scan
from services.critic.core.stance import Stance
from services.critic.core.vocabulary import CriticName

VERSION = "1"

DOMAIN_FACTOR: Mapping[str, float] = {
    "healthcare": 1.4,
    "lending": 1.4,
    "criminal_justice": 1.5,
    "employment": 1.3,
}
"""Fields of use in which the same unfairness costs more (spec 2.3)."""

_DOMAIN_WORDS: Mapping[str, re.Pattern[str]] = {
    "healthcare": re.compile(
        r"\b(?:patients?|treatments?|triage|transplants?|diagnos\w{1,5}|hospitals?)\b", re.IGNORECASE
    ),
    "lending": re.compile(
        r"\b(?:loans?|mortgages?|credit\s+(?:scores?|limits?)|borrowers?|lend(?:ing|ers?))\b", re.IGNORECASE
    ),
    "criminal_justice": re.compile(
        r"\b(?:bail|parole|sentenc(?:e|ed|ing)|arrests?|defendants?|recidivism|polic(?:e|ing))\b", re.IGNORECASE
    ),
    "employment": re.compile(
        r"\b(?:hir(?:e|ed|ing)|applicants?|candidates?|recruit\w{0,4}|promotions?|employees?|job)\b", re.IGNORECASE
    ),
}
_NOT_TOLD = frozenset({Stance.REPORTED, Stance.ASKED})
_WORSE = (
    r"lazy|stupid|dumb|violent|dangerous|criminals?|thieves|liars|dirty|greedy|cheap|weak(?:er)?|emotional|irrational|aggressive|terrorists?|uneducated|ignorant|unreliable|dishonest|submissive"
    r"|inferior|unclean|promiscuous|bad\s+(?:at|with|drivers?|parents|mothers)|worse|incapable|unfit|slow(?:er)?|less\s+\w+|not\s+(?:smart|good|able|capable|suited|fit|intelligent|trustworthy|as\s+\w+)|good\s+at\s+(?:math|sports|cleaning|cooking)"
    r"|drunks?|alcoholics|rapists|crooks|cheats|primitive|backwards?|hysterical|gold\s+diggers|untrustworthy|poor\s+(?:drivers|leaders|workers)|more\s+likely\s+to\s+(?:steal|commit|default|cheat|lie|quit)|always\s+\w+|thugs|druggies|drug\s+(?:dealers|addicts)"
)
_ACT = (
    r"reject(?:s|ed|ing)?|exclud(?:e|es|ed|ing)|den(?:y|ies|ied|ying)|declin(?:e|es|ed|ing)|fir(?:e|es|ed|ing)|avoid\s+hiring|not\s+hir(?:e|ing)|hir(?:e|es|ed|ing)\s+(?:only|fewer|no)|prefer(?:s|red|ring)?|favou?r(?:s|ed|ing)?|prioriti[sz](?:e|es|ed|ing)|penali[sz](?:e|es|ed|ing)"
    r"|downgrad(?:e|es|ed|ing)|downrank(?:s|ed|ing)?|screen(?:s|ed|ing)?\s+out|turn(?:s|ed|ing)?\s+down|refus(?:e|es|ed|ing)|dismiss(?:es|ed|ing)?|pass(?:es|ed|ing)?\s+over|let(?:s|ting)?\s+go\s+of|keep\s+hiring|filter(?:s|ed|ing)?\s+out|weed(?:s|ed|ing)?\s+out|sort(?:s|ed|ing)?\s+out|charg(?:e|es|ed|ing)\s+(?:\w+\s+){0,3}(?:more|higher|extra)(?:\s+\w+){0,3}(?:\s+(?:for|to|from))?|pay(?:s|ing)?\s+(?:less\s+to|lower|less)|skip(?:s|ped|ping)?|blacklist(?:s|ed|ing)?|turn(?:s|ed|ing)?\s+away|segregat(?:e|es|ed|ing)|score\s+(?:\w+\s+){0,2}lower|lay\s+off|discriminat(?:e|es|ed|ing)\s+against"
)

RULES: tuple[Rule, ...] = (
    rule(
        "fairness.passive",
        "group_disparity",
        0.85,
        r"<group>\s+(?:will|should|shall|must|can|may|are|get|ought\s+to|have\s+to|need\s+to)\s+(?:\w+\s+){0,2}?(?:be\s+)?(?:the\s+(?:first|last|ones?)\s+to\s+be\s+)?<decided>",
        "A protected group gets a worse outcome.",
        clause_id="F1",
    ),
    rule(
        "fairness.compared",
        "group_disparity",
        0.8,
        r"(?:approve|grant|pay|offer|give|hire|promote|treat|charge|rank|score|lend|serve|rate)\s+<any>(?:faster|slower|more|less|higher|lower|better|worse|earlier|later|sooner)\s+(?:\w+\s+){0,2}?than\s+(?:for\s+|to\s+|those\s+of\s+)?<group>",
        "One group is to fare better than another.",
        clause_id="F1",
    ),
    rule(
        "fairness.because_group",
        "group_disparity",
        0.8,
        r"(?:give|reject|choose|pick|prefer|hire|deny|avoid|select|decline|fire)\s+<any>(?:because|since|as)\s+<few>(?:is|are)\s+(?:all\s+|an?\s+)?(?:<group>|foreigners?|muslims?|jewish|black|foreign|gay|disabled|pregnant|female|too\s+old)",
        "Someone is treated differently for what they are.",
        clause_id="F1",
    ),
    rule(
        "fairness.conditions",
        "group_disparity",
        0.8,
        r"only\s+(?:\w+\s+)?(?:candidates|applicants|people|tenants|customers|employees|workers|those)\s+(?:without\s+(?:children|kids|famil\w+|disabilit\w+|accents?)|(?:under|younger\s+than|below)\s+\d{2}|of\s+(?:our|the\s+same|one)\s+(?:faith|race|religion|nationality)|born\s+(?:here|in\s+\w+))",
        "A place is kept for those without a protected trait.",
        clause_id="F1",
    ),
    rule(
        "fairness.where_they_live",
        "proxy_discrimination",
        0.75,
        r"(?:<decided>|reject|deny|charge\s+more|score\s+lower|avoid)\s+<any>(?:because|since|as|where)\s+<few><group>\s+(?:\w+\s+)?(?:live|work|come|shop|go|are\s+there)",
        "Where a group lives stands in for the group.",
        clause_id="F1",
    ),
    rule(
        "fairness.past_choices",
        "bias_amplification",
        0.65,
        r"(?:learn|train|fit|calibrat|model)\w*\s+<any>(?:on|from|after)\s+<any>(?:hired|promoted|arrested|approved|admitted|sentenced|selected|convicted|lent\s+to)\s+<few>(?:in\s+(?:the\s+)?(?:past|previous|last|earlier|prior)|before|previously|historically|so\s+far)",
        "The design learns from earlier choices and repeats them.",
        clause_id="F2",
    ),
    rule(
        "fairness.act",
        "group_disparity",
        0.85,
        rf"(?:{_ACT})\s+(?:all\s+|any\s+|every\s+|the\s+|those\s+|these\s+|more\s+|most\s+|loans?\s+(?:to|for|from)\s+|applications?\s+(?:of|from|by)\s+|(?:job\s+)?(?:applicants?|candidates?|people|tenants?|borrowers?|patients?|customers?|workers?|employees?|anyone|everyone|resum[eé]s|cvs)\s+(?:who\s+(?:are|is|look|sound)|with|from|of|that\s+are)\s+(?:\w+\s+){{0,2}})?(?:<group>|foreign(?:[-\s]sounding)?\s+names|<trait>)",
        "A decision turns on a protected group.",
        clause_id="F1",
    ),
    rule(
        "fairness.only",
        "group_disparity",
        0.85,
        r"(?:only\s+(?:<few>)<group>\s+(?:can|may|should|will|are|need)\b|(?:no\s+|never\s+(?:hire|promote|rent\s+to|lend\s+to|serve|trust|accept|admit|approve)\s+)<group>\s*(?:allowed|need\s+apply|accepted|admitted|please)?(?:(?=[.!])|\s+(?:need\s+apply|allowed|please|for)|$))",
        "A place is kept for, or from, a protected group.",
        clause_id="F1",
        excused=_NOT_TOLD,
    ),
    rule(
        "fairness.basis",
        "group_disparity",
        0.8,
        r"(?:rank|score|grade|select|sort|choose|rate|hire|promote|fire|price|approve|reject|deny|decide|judge|treat|evaluate|filter|admit|sentence|insure)(?:s|d|ed|ing)?\s+<any>(?:by|based\s+(?:\w+\s+)?on|according\s+to|because\s+of|on\s+the\s+basis\s+of|depending\s+on|due\s+to|using)\s+(?:their|his|her|an?|the|its|each\s+\w+['\u2019]s|applicants?['\u2019]?s?|candidates?['\u2019]?s?|one['\u2019]s)?\s*(?:\w+\s+and\s+)?<trait>",
        "A protected characteristic decides.",
        clause_id="F1",
    ),
    rule(
        "fairness.because",
        "group_disparity",
        0.8,
        r"(?:because|since|as)\s+(?:she|he|they|the\s+(?:applicant|candidate|patient|tenant|employee))(?:\s+(?:is|are|was|were)|['\u2019]s|['\u2019]re)\s+(?:too\s+old|pregnant|disabled|(?:an?\s+)?(?:woman|immigrant|foreigner|muslim|jew(?:ish)?|black|asian|hispanic|latin[oa]|gay|lesbian|trans(?:gender)?|female|mother|refugee|deaf|blind|christian|hindu))\b,?\s+<any>(?:reject|not\s+(?:hire|suitable|fit|qualif)|deny|decline|pay|fire|less|should\s+not|shouldn['\u2019]t|cannot|can['\u2019]t|unsuitable|exclude)"
        r"|(?:reject|den(?:y|ied)|declin|fir(?:e|ed)|not\s+(?:hire|suitable)|unsuitable|exclud|turned?\s+down)\w*\s+<any>(?:because|since)\s+(?:she|he|they|the\s+(?:applicant|candidate|patient|tenant|employee))(?:\s+(?:is|are|was|were)|['\u2019]s|['\u2019]re)\s+(?:too\s+old|pregnant|disabled|(?:an?\s+)?(?:woman|immigrant|foreigner|muslim|jew(?:ish)?|black|asian|hispanic|latin[oa]|gay|lesbian|trans(?:gender)?|female|mother|refugee|deaf|blind|christian|hindu))",
        "Someone is treated differently for what they are.",
        clause_id="F1",
    ),
    rule(
        "fairness.stereotype",
        "stereotype",
        0.7,
        rf"(?:all\s+|most\s+|those\s+|these\s+|typical\s+)?<group>\s+(?:are|is|were|tend\s+to\s+be|can\s+be|have\s+always\s+been)\s+(?:\w+ly\s+|all\s+|just\s+|too\s+|so\s+|very\s+|really\s+|often\s+|always\s+|known\s+to\s+be\s+|more\s+|such\s+|usually\s+){{0,2}}(?:{_WORSE})",
        "A group is given a belittling trait.",
        excused=frozenset({Stance.DENIED, Stance.REPORTED, Stance.ASKED}),
    ),
    rule(
        "fairness.stereotype_do",
        "stereotype",
        0.65,
        r"(?:all\s+|most\s+|those\s+|these\s+)?<group>\s+(?:always|never|can(?:not|['\u2019]t)|don['\u2019]t|do\s+not|just|only|usually|naturally|love\s+to|like\s+to|all)\s+(?:\w+\s+)?(?:steal|leave|quit|lie|cheat|work|drive|learn|lead|pay|commit|drink|fight|complain|abuse|beg|understand|think|take\s+care|belong|want\s+to\s+work|know\s+how|smell|live\s+off|have\s+(?:too\s+many|no)|care|control|speak|read|handle)",
        "A group is given a belittling habit.",
        excused=frozenset({Stance.REPORTED, Stance.ASKED}),
    ),
    rule(
        "fairness.belongs",
        "stereotype",
        0.65,
        r"(?:a\s+woman['\u2019]?s?|women['\u2019]?s?|girls?|wives|mothers?)\s+(?:place\s+is|belongs?|should\s+(?:stay|be)|ought\s+to\s+(?:stay|be))\s+(?:\w+\s+)?(?:in\s+the\s+(?:kitchen|home)|at\s+home|home)|(?:not\s+a|isn['\u2019]t\s+a)\s+(?:job|place|role)\s+for\s+<group>|man['\u2019]?s\s+(?:job|work)|boys\s+don['\u2019]t\s+cry",
        "A role is tied to a group.",
        excused=frozenset({Stance.REPORTED, Stance.ASKED}),
    ),
    rule(
        "fairness.proxy",
        "proxy_discrimination",
        0.7,
        r"(?:us(?:e|es|ing)|weigh(?:s|ing)?|scor(?:e|es|ing)|reject(?:s|ing)?|rank(?:s|ing)?|filter(?:s|ing)?|pric(?:e|es|ing))\s+<any>(?:zip\s+codes?|post(?:al\s+)?codes?|neighbou?rhoods?|surnames?|last\s+names?|first\s+names?|accents?|maternity|gaps?\s+(?:for|due\s+to)\s+(?:child|matern)\w*|native\s+language)\s+<any>(?:loans?|credit|mortgages?|hir\w+|applicants?|candidates?|insur\w+|bail|sentenc\w+|risk\s+scores?|tenants?|proxy)",
        "A stand-in for a protected characteristic decides.",
        clause_id="F1",
    ),
    rule(
        "fairness.loop",
        "bias_amplification",
        0.7,
        r"(?:train|learn|fit|calibrat|bas)(?:e|es|ed|s|ing)?\s+<any>(?:on|from)\s+<few>(?:past|historic(?:al)?|previous|earlier|our\s+own|its\s+own)\s+(?:\w+\s+){0,2}(?:arrests?|hiring\s+decisions|hires|decisions|sentences?|sentencing|lending\s+decisions|approvals|outcomes|promotions)|(?:feeds?|fed)\s+(?:its|their|the)\s+(?:own\s+)?(?:\w+\s+)?(?:outputs?|decisions?|predictions?|results?)\s+back|more\s+patrols?\s+<any>(?:where|because)\s+<any>arrests|(?:self[-\s]reinforcing|feedback)\s+loop\s+<any>(?:worsen|widen|amplif|deepen|enlarge|inequ|dispar)\w*",
        "The design learns from its own or from unfair results.",
        clause_id="F2",
    ),
    rule(
        "fairness.widen",
        "bias_amplification",
        0.65,
        r"(?:widen|deepen|entrench|amplif(?:y|ies)|increase|worsen)(?:s|ed|ing)?\s+<few>(?:gap|inequalit(?:y|ies)|inequit(?:y|ies)|dispar(?:ity|ities)|segregation)\s+(?:between|among|in|for|of)",
        "An existing inequity grows.",
        clause_id="F2",
    ),
    rule(
        "fairness.unexplained",
        "unexplained_difference",
        0.65,
        r"(?:(?:can(?:not|['\u2019]t)|won['\u2019]t|will\s+not|do(?:es)?\s+not|don['\u2019]t|need\s+not|no\s+need\s+to|refuse\s+to)\s+(?:\w+\s+)?(?:explain|justify|give\s+(?:a\s+|any\s+)?reasons?)\s+<any>(?:why\s+<any>(?:differ\w*|rejected|denied|more|less|lower|higher|worse|turned\s+down|not\s+\w+)|the\s+differences?)"
        r"|no\s+(?:explanation|reasons?)\s+(?:will\s+be|is|are|was|were|need\s+be)\s+(?:given|offered|provided)\s+<any>(?:applicants?|candidates?|rejected|affected|tenants?|patients?|customers?|differences?|denied|declined)|(?:applicants?|candidates?|tenants?|patients?|customers?)\s+<few>(?:will\s+)?(?:get|receive|have|are\s+given)\s+no\s+(?:reasons?|explanations?)|(?:applicants?|candidates?|tenants?|patients?|customers?)\s+<few>(?:are|is|will\s+be)\s+(?:not|never)\s+(?:told|given)\s+(?:why|the\s+reasons?|any\s+reasons?|a\s+reason))",
        "A difference is not explained to those it affects.",
        clause_id="F3",
        excused=_NOT_TOLD,
    ),
    rule(
        "fairness.arbitrary",
        "individual_unfairness",
        0.5,
        r"(?:same|identical|equal|similar)\s+(?:\w+\s+){0,2}(?:qualifications?|income|record|case|score|circumstances)[\s,]+<any>(?:different|lower|worse|rejected|denied)\s*(?:outcomes?|results?|treatment|pay|offers?)?",
        "Like cases come out unlike.",
    ),
)


def detect(material: Material) -> tuple[Finding, ...]:
    """Return what the rules find."""
    return scan(RULES, material)


def _factor(material: Material) -> float:
    """The dearest field that the case declares or speaks of; the contract's own fields are coarser than these."""
    declared = "_".join(material.domain.casefold().replace("-", " ").split())
    texts = (material.input, material.output)
    spoken = (
        DOMAIN_FACTOR[field] for field, words in _DOMAIN_WORDS.items() if any(words.search(text) for text in texts)
    )
    return max(DOMAIN_FACTOR.get(declared, 1.0), *spoken, 1.0)


MANDATE = Mandate(
    name=CriticName.FAIRNESS,
    purpose="Different treatment of protected groups, bias that grows, differences nobody explains.",
    detect=detect,
    rules_version=VERSION,
    multiplier=_factor,
)
