"""The autonomy critic: coercive wording, manipulation, and ways around consent. It owns A1 to A3."""

from collections.abc import Sequence

from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.rules import Rule, rule, scan
from services.critic.core.scoring import in_output
from services.critic.core.severity import MODERATE
from services.critic.core.stance import Stance
from services.critic.core.vocabulary import CriticName

VERSION = "1"
FLOOR_BOTH_0_3 = 2.5
"""Coercion together with a bypassed consent is never less than this."""

_NOT_TOLD = frozenset({Stance.REPORTED, Stance.ASKED})

COERCION, BYPASS, MANIPULATION, FORECLOSURE = "coercion", "consent_bypass", "manipulation", "foreclosed_choice"

_HARM = (
    r"(?:lose|losing)\s+(?:everything|(?:your|their|his|her|the|my)\s+(?:\w+\s+)?(?:jobs?|homes?|house|flat|apartment|child(?:ren)?|kids|benefits"
    r"|visa|position|place|custody|family|life))|regret|suffer|be\s+(?:fired|dismissed|punished|evicted|reported|hurt|sorry|ruined|exposed|deported)"
    r"|face\s+(?:the\s+)?(?:consequences|punishment|dismissal|eviction)|never\s+(?:see|work|find)"
)
"""What nobody should be threatened with; losing unused days of leave is not among it."""

RULES: tuple[Rule, ...] = (
    rule(
        "autonomy.or_else",
        COERCION,
        0.85,
        r"(?:(?:you|they|he|she|employees|users|customers|tenants|workers)\s+(?:must|will|have\s+to|had\s+better|need\s+to)\s+<any>\b"
        r"|(?:sign|agree|comply|accept|pay|obey|submit)\s+<few>)or\s+(?:else(?=[.!,;]|$)|(?:(?:you|they|he|she|we)\s+will\s+|you['\u2019]ll\s+|they['\u2019]ll\s+)?"
        rf"(?:{_HARM}|(?:your|their|his|her)\s+\w+\s+will\s+be\s+(?:terminated|closed|cut|suspended|cancel+ed|taken|deleted|stopped)))",
        "Agreement is demanded under threat.",
        clause_id="A2",
    ),
    rule(
        "autonomy.no_choice",
        COERCION,
        0.8,
        r"(?:you|they|he|she|users|employees|customers|tenants)\s+(?:simply\s+|really\s+|will\s+)?(?:have|has|had|get)\s+no\s+(?:other\s+)?(?:choice|option|alternative|say)(?:\s+but)?",
        "Someone is told that they have no choice.",
        clause_id="A2",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.threat",
        COERCION,
        0.8,
        r"(?:if\s+you\s+(?:don['\u2019]t|do\s+not|refuse|leave|tell|say\s+no)|unless\s+you)\b<any>\b"
        r"(?:(?:i\s+will|i['\u2019]ll|we\s+will|we['\u2019]ll)\s+<few>(?:hurt|destroy|ruin|fire|punish|evict|make\s+sure|tell\s+everyone|expose|kill|leave\s+you)"
        rf"|(?:you\s+will|you['\u2019]ll)\s+(?:{_HARM}))",
        "A refusal is answered with a threat.",
        clause_id="A2",
    ),
    rule(
        "autonomy.obey",
        COERCION,
        0.55,
        r"(?:you\s+(?:must|will|are\s+to)\s+(?:obey|submit|comply|do\s+(?:exactly\s+)?(?:as|what)\s+(?:i|we)\s+(?:say|tell))|do\s+as\s+you\s+are\s+told|obey\s+me)",
        "Obedience is demanded.",
    ),
    rule(
        "autonomy.without_consent",
        BYPASS,
        0.85,
        r"without\s+(?:getting\s+|asking\s+(?:for\s+)?|obtaining\s+|first\s+\w+ing\s+)?(?:their|his|her|your|the|any|explicit|prior|informed|user|users['\u2019]?|patient|customer|employee|parental|anyone['\u2019]?s?|my)\s+(?:\w+['\u2019]?s?\s+){0,2}(?:consent|permission|knowledge|approval|agreement|awareness)"
        r"|without\s+(?:consent|telling\s+(?:him|her|them|the\s+\w+|anyone|users|customers|patients|employees)|(?:him|her|them|anyone|the\s+\w+|users|customers|employees|patients)\s+(?:knowing|noticing|realis?z?ing|finding\s+out))",
        "Someone is affected without having agreed.",
        clause_id="A1",
    ),
    rule(
        "autonomy.not_told",
        BYPASS,
        0.7,
        r"(?:(?:they|he|she|users|patients?|customers?|employees|tenants|participants|families|donors|members|the\s+\w+)\s+(?:do\s+not|don['\u2019]t|need\s+not|needn['\u2019]t|does\s+not|doesn['\u2019]t)\s+(?:need|have)?\s*(?:to\s+)?(?:know|be\s+(?:told|asked|informed))|(?:there['\u2019]?s?\s+(?:is\s+)?)?no\s+need\s+to\s+(?:inform|tell|ask|notify|warn)\s+(?:the\s+)?(?:<someone>|donors|participants|owners|parents|families|them)|not\s+(?:tell|inform|ask)(?:ing)?\s+(?:the\s+)?(?:donors|participants|patients|users|customers|employees|owners|parents|families|tenants))\b(?!\s+(?:how|their\s+password))",
        "People who are affected are kept from knowing.",
        clause_id="A1",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.punished_refusal",
        COERCION,
        0.8,
        r"(?:anyone|those|employees|workers|tenants|users|people|customers|patients|members|students)\s+who\s+(?:refuses?|declines?|objects?|complains?|do(?:es)?\s+not\s+(?:agree|sign|comply|consent)|don['\u2019]t\s+(?:agree|sign|comply|consent)|says?\s+no)\b<any>\b(?:will|shall|should|must|can|are\s+to)\s+(?:be\s+(?:\w+ly\s+)?(?:dismissed|fired|punished|evicted|demoted|expelled|fined|excluded|reported|cut\s+off|denied)|lose|face)",
        "A refusal is punished.",
        clause_id="A2",
    ),
    rule(
        "autonomy.worthless_alone",
        MANIPULATION,
        0.65,
        r"(?:no\s*(?:body|\s+one)\s+else\s+(?:will|would|could)\s+(?:ever\s+)?(?:want|love|hire|help|believe|take)|never\s+find\s+(?:anyone|anybody|another|someone)\s+(?:\w+\s+)?(?:else|like|better|who)|nobody\s+will\s+(?:ever\s+)?believe\s+(?:you|her|him))",
        "Someone is told that they could not do without the speaker.",
        clause_id="A2",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.no_way_back",
        FORECLOSURE,
        0.75,
        r"(?:contract|agreement|consent|choice|transfer|membership|enrol+ment|commitment|debt|waiver)\s+<few>(?:cannot|can['\u2019]t|can\s+never|may\s+never|will\s+never|can\s+not)\s+(?:ever\s+)?be\s+(?:cancel+ed|terminated|revoked|undone|reversed|withdrawn|ended|changed)",
        "A choice could never be reversed.",
        clause_id="A3",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.secretly",
        BYPASS,
        0.8,
        r"(?:secretly|covertly|quietly|silently|surreptitiously)\s+(?:record|track|monitor|install|enrol+|sign\s+up|collect|share|charge|test|film|change|switch|opt|subscribe|add|log|read|experiment|scan|photograph|medicate|sell|upload)\w*",
        "Something is done to people behind their back.",
        clause_id="A1",
    ),
    rule(
        "autonomy.preticked",
        BYPASS,
        0.7,
        r"(?:pre-?(?:ticked|checked|selected)\s+(?:consent|opt-?in|boxes?|checkbox(?:es)?)|(?:hide|bury|conceal|obscure|disguise)\s+<few>(?:opt[-\s]?out|unsubscribe|cancel(?:lation)?|terms|consent|decline|refus\w+|fees?|privacy\s+settings?)|make\s+it\s+(?:hard|difficult|impossible)\s+(?:for\s+<few>)?to\s+(?:cancel|opt\s+out|unsubscribe|refuse|say\s+no|leave|decline))",
        "The way to refuse is hidden.",
        clause_id="A1",
    ),
    rule(
        "autonomy.assumed",
        BYPASS,
        0.65,
        r"(?:(?:silence|no\s+(?:answer|reply|response|objection))\s+(?:means|counts\s+as|is\s+taken\s+as|will\s+be\s+taken\s+as|implies|equals)\s+<few>(?:consent|agreement|yes|approval|acceptance)|(?:skip|bypass|ignore|omit|forge|fake|override)\s+(?:the\s+|their\s+|any\s+|patient\s+|user\s+|parental\s+|informed\s+){0,3}consent(?:\s+(?:form|step|screen|process))?|don['\u2019]t\s+(?:ask|tell)\s+(?:them|the\s+(?:patients?|users?|customers?|employees?|tenants?|families))|automatically\s+enrol+\w*\s+<few><someone>)",
        "Consent is assumed or skipped.",
        clause_id="A1",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.urgency",
        MANIPULATION,
        0.45,
        r"(?:act|buy|sign|decide|order|pay|invest)\s+(?:now|today|immediately|right\s+now)\s+(?:or|before)\s+(?:it['\u2019]?s?\s+(?:is\s+)?too\s+late|you\s+(?:lose|miss|regret)|the\s+(?:offer|chance))|(?:last|final|only)\s+chance\s+(?:ever|to\s+(?:act|save|buy|sign))|you['\u2019]?(?:ll|\s+will)\s+(?:never|not)\s+get\s+(?:another|this)\s+(?:chance|offer)",
        "False urgency presses for a decision.",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.guilt",
        MANIPULATION,
        0.7,
        r"(?:if\s+you\s+(?:really\s+|truly\s+)?(?:loved|cared|trusted|respected)\s+<any>\byou\s+would(?:n['\u2019]t)?|(?:only|just)\s+an?\s+(?:idiot|fool|coward|bad\s+\w+|loser)\s+would|after\s+(?:all|everything)\s+(?:i|we)(?:['\u2019]ve|\s+have)?\s+done\s+for\s+you|you\s+owe\s+(?:me|us)\s+(?:this|that|it)|don['\u2019]t\s+be\s+(?:selfish|a\s+coward))",
        "Guilt or shame is used to bend a choice.",
        clause_id="A2",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.isolate",
        MANIPULATION,
        0.75,
        r"(?:don['\u2019]t|do\s+not|never)\s+(?:tell|talk\s+to|trust|listen\s+to|consult|ask)\s+(?:anyone|anybody|your\s+(?:family|friends|parents|doctor|lawyer|spouse|wife|husband|partner)|a\s+(?:doctor|lawyer))|keep\s+(?:this|it|that)\s+(?:a\s+)?secret\s+from\s+(?:your|their|the|his|her)\s+(?:\w+)|cut\s+(?:off\s+)?(?:ties|contact)\s+with\s+(?:your|their)\s+(?:family|friends)|you\s+(?:only\s+need|don['\u2019]t\s+need\s+anyone\s+but)\s+me",
        "Someone is cut off from advice or help.",
        clause_id="A2",
        excused=_NOT_TOLD,
    ),
    rule(
        "autonomy.deceive",
        MANIPULATION,
        0.75,
        r"(?:trick|deceiv|manipulat|mislead|pressur|gaslight|brainwash|dup|guilt[-\s]?trip|nudg|lur|bully|scar)(?:e|es|ed|ing|s)?\s+<few>(?:<someone>|<group>|him|her|them|voters?|consumers?|buyers?|shoppers?|my\s+\w+|an?\s+\w+|the\s+\w+)\s+<few>(?:into|to\s+(?:buy|sign|believe|agree|vote|give|click|pay|accept|stay|send)|so\s+that)",
        "People are to be deceived or pressed into a choice.",
        clause_id="A2",
    ),
    rule(
        "autonomy.dark",
        MANIPULATION,
        0.65,
        r"(?:use|using|add|adding|design|create|build|exploit|exploiting)\s+<few>(?:dark\s+patterns?|(?:fake|false)\s+(?:scarcity|urgency|countdown|reviews?|testimonials?)|emotional\s+(?:manipulation|vulnerabilit\w+)|their\s+(?:fears?|insecurit\w+|grief|loneliness|addiction|weakness\w*|ignorance))",
        "A design or a weakness is used to bend choices.",
        clause_id="A2",
    ),
    rule(
        "autonomy.waive",
        FORECLOSURE,
        0.85,
        r"(?:irrevocabl[ey]|permanently|forever|for\s+life|perpetually)\s+<few>(?:waive|surrender|give(?:s)?\s+up|forfeit|assign|lose|renounce|bind|bound|remove|revoke)\w*|(?:waive|surrender|give\s+up|forfeit|sign\s+away|renounce)(?:s|d|ed|ing)?\s+<any>(?:rights?|claims?|freedom|choice|custody|ownership|say)\s+<any>(?:forever|permanently|irrevocably|for\s+life|for\s+good|in\s+perpetuity)",
        "A right or a choice is given up for good.",
        clause_id="A3",
    ),
    rule(
        "autonomy.locked",
        FORECLOSURE,
        0.8,
        r"(?:can(?:not|['\u2019]t)|can\s+never|may\s+never|will\s+never\s+be\s+able\s+to|never\s+be\s+allowed\s+to)\s+(?:ever\s+)?(?:withdraw|leave|cancel|opt\s+out|revoke|change\s+(?:your|their|his|her)\s+mind|undo|take\s+(?:it|this)\s+back|quit)(?:\s+<few>(?:consent|agreement|contract|program(?:me)?|decision|it|ever|again))?",
        "Someone could never change their mind.",
        clause_id="A3",
        excused=frozenset({Stance.REPORTED, Stance.ASKED}),
    ),
    rule(
        "autonomy.irreversible",
        FORECLOSURE,
        0.7,
        r"(?:sterili[sz](?:e|ed|ation)|institutionali[sz]e|implant|microchip|euthani[sz]e)\s+<few>(?:<someone>|<group>|him|her|them)",
        "Something irreversible is done to a person.",
        clause_id="A3",
    ),
)


def _floor(findings: Sequence[Finding], _: Material) -> float:
    """A clause-bearing category in the output is at least moderate; coercion with a bypassed consent is more."""
    found = {finding.category for finding in in_output(findings) if finding.clause_id}
    if {COERCION, BYPASS} <= found:
        return FLOOR_BOTH_0_3
    return MODERATE if found else 0.0


def detect(material: Material) -> tuple[Finding, ...]:
    """Return what the rules find."""
    return scan(RULES, material)


MANDATE = Mandate(
    name=CriticName.AUTONOMY,
    purpose="Coercive wording, manipulation, ways around consent, choices taken away for good.",
    detect=detect,
    rules_version=VERSION,
    floor=_floor,
)
