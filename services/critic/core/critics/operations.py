"""The operations critic: can it be done at that cost, in that time, at that size; and is there due process. It owns DP1 to DP3."""
# ruff: noqa: E501 - a pattern is one row of a table; cut in pieces it could not be read or searched

from services.critic.core.feasibility import overruns
from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.rules import Rule, rule, scan
from services.critic.core.stance import Stance
from services.critic.core.vocabulary import CriticName, Side

VERSION = "1"
_NOT_TOLD = frozenset({Stance.REPORTED, Stance.ASKED})
_BIG = (
    r"(?:the\s+)?(?:entire|whole|complete|full|nationwide|global|company[-\s]wide|all\s+(?:of\s+)?(?:our|the))\s+<few>"
)
_OUT = (Side.OUTPUT,)

_FEASIBILITY: tuple[Rule, ...] = (
    rule(
        "operations.free",
        "cost",
        0.6,
        r"(?:at\s+(?:zero|no)\s+(?:\w+\s+)?cost\s+(?:whatsoever|at\s+all|to\s+anyone)|completely\s+free\s+<few>(?:forever|unlimited)|(?:unlimited|infinite)\s+(?:budget|funds?|money|resources)|money\s+is\s+no\s+(?:object|issue)|cost\s+is\s+irrelevant|costs?\s+(?:us\s+)?(?:absolutely\s+)?nothing)",
        "The plan counts on no cost or on endless money.",
        sides=_OUT,
    ),
    rule(
        "operations.instant",
        "time",
        0.7,
        rf"(?:rewrit|migrat|replac|build|rebuil|redesign|retrain|refactor|audit|deploy|develop|train|implement|construct|launch|roll\s+out|translat|hir)\w*\s+{_BIG}<any>(?:overnight|instantly|immediately|by\s+tomorrow|in\s+(?:a\s+few|one|two|five|ten|\d{{1,2}})\s+(?:seconds?|minutes?|hours?)|in\s+(?:a|one)\s+(?:single\s+)?(?:day|afternoon|night|weekend)|within\s+(?:the\s+)?(?:an?\s+|one\s+|\d\s+)?(?:seconds?|minutes?|hours?))",
        "A large undertaking is given no time.",
        sides=_OUT,
    ),
    rule(
        "operations.perfect",
        "technical",
        0.6,
        r"(?:100\s?%|one\s+hundred\s+percent)\s+(?:uptime|availability|accura(?:te|cy)|reliab\w+|secure|security|bug[-\s]free|guaranteed\s+\w+)|(?:zero|no)\s+(?:bugs|errors|failures|downtime|latency|maintenance)\s+(?:ever|forever|at\s+all|whatsoever|guaranteed)|never\s+(?:fails?|crash(?:es)?|goes\s+down|breaks?\s+down|needs?\s+(?:maintenance|testing|updates?))|unhackable|perpetual\s+motion|faster\s+than\s+light",
        "Perfection is promised that no system has.",
        sides=_OUT,
    ),
    rule(
        "operations.scale",
        "scalability",
        0.6,
        r"(?:scale|handle|serve|support|process|store)s?\s+(?:\w+\s+){0,3}(?:infinite(?:ly)?|unlimited|any\s+number\s+of|billions?\s+of|petabytes?\s+of|limitless)\s*<any>(?:on\s+(?:a\s+|one\s+)?(?:single\s+)?(?:laptop|server|raspberry\s+pi|phone|machine|thread|core|spreadsheet|excel)|without\s+(?:any\s+)?(?:extra|additional|more|new)\s+(?:hardware|servers?|cost|resources|staff|people))|infinitely\s+scalable|unlimited\s+scalability",
        "Endless scale is promised.",
        sides=_OUT,
    ),
    rule(
        "operations.staff",
        "resources",
        0.6,
        r"(?:one|a\s+single|1)\s+(?:person|intern|developer|engineer|nurse|teacher|employee|clerk|doctor)\s+(?:can|could|will|should)\s+<few>(?:handle|run|manage|build|support|review|serve|monitor|do)\s+<any>(?:all|every|entire|whole|thousands|millions|hundreds|24/7|around\s+the\s+clock)",
        "One person is to do the work of many.",
        sides=_OUT,
    ),
    rule(
        "operations.untested",
        "technical",
        0.55,
        r"(?:deploy|ship|release|push|launch|roll\s+out|go\s+live)\w*\s+<any>(?:without|skipping|with\s+no)\s+(?:any\s+|further\s+|prior\s+)?(?:tests?|testing|review|qa|a\s+pilot|pilot|validation|staging|approval|a\s+rollback\s+plan)",
        "Something goes live untested.",
        excused=frozenset({Stance.DENIED, *_NOT_TOLD}),
    ),
)

_DUE_PROCESS: tuple[Rule, ...] = (
    rule(
        "operations.no_appeal",
        "contestability",
        0.75,
        r"(?:(?:there\s+(?:is|are|will\s+be)|with|have|has|had|offers?|gets?)\s+(?:absolutely\s+)?no\s+(?:\w+\s+){0,2}(?:appeals?|recourse|right\s+to\s+(?:appeal|challenge|contest|object|be\s+heard)|way\s+to\s+(?:appeal|challenge|contest|dispute|object)|means\s+of\s+(?:appeal|challenge)|possibility\s+(?:of|to)\s+(?:appeal|challenge|contest|object)\w*|appeals?\s+process)|no\s+(?:appeals?|objections?|challenges?|disputes?)\s+(?:are|is|will\s+be|shall\s+be|can\s+be)\s+(?:\w+\s+)?(?:allowed|accepted|permitted|possible|considered|heard|entertained|available)|without\s+(?:any\s+|a\s+|the\s+)?(?:right\s+(?:of|to)\s+|chance\s+(?:of|to)\s+|possibility\s+(?:of|to)\s+|opportunity\s+to\s+)?(?:appeal|recourse|contest(?:\s+it)?|challenge\s+(?:it|the\s+\w+)|a\s+hearing))"
        r"|(?:cannot|can['\u2019]t|can\s+not|may\s+not|must\s+not|will\s+not|not)\s+be\s+(?:\w+\s+)?(?:appealed|challenged|contested|disputed|questioned|overturned)|no\s*(?:body|\s+one)\s+(?:can|may|could|is\s+allowed\s+to)\s+(?:\w+\s+)?(?:contest|challenge|appeal|dispute|question|overturn|object)|(?:decision|verdict|ruling|score|outcome|result)s?\s+(?:is|are|will\s+be|shall\s+be)\s+final\s+and\s+(?:binding|cannot|can\s+not|not|no)",
        "Those affected have no way to challenge the decision.",
        clause_id="DP1",
        excused=_NOT_TOLD,
    ),
    rule(
        "operations.remove_appeal",
        "contestability",
        0.75,
        r"(?:remove|abolish|eliminate|scrap|drop|take\s+away|cancel|end|block|ignore|reject\s+all)\s+(?:the\s+|all\s+|any\s+|their\s+|every\s+)?(?:right\s+(?:of|to)\s+)?(?:appeals?|appeals?\s+(?:process|procedure|rights?)|hearings?|complaints?\s+(?:process|procedure)|right\s+to\s+(?:object|challenge|contest))",
        "The way to challenge a decision is taken away.",
        clause_id="DP1",
    ),
    rule(
        "operations.nobody",
        "accountability",
        0.75,
        r"(?:no\s*(?:body|\s+one|\s+person|\s+human|\s+individual|\s+single\s+person|\s+department|\s+team)\s+(?:\w+\s+){0,3}(?:is|are|will\s+be|can\s+be|needs?\s+to\s+be|should\s+be|has\s+to\s+be)\s+(?:\w+\s+)?(?:accountable|responsible|liable|answerable|held\s+(?:accountable|responsible|liable)|in\s+charge|named)|(?:without|lacks?|with\s+no|there\s+is\s+no)\s+(?:any\s+|a\s+|an\s+)?(?:\w+\s+)?(?:accountab\w+(?:\s+(?:person|owner|body))?|human\s+oversight|human\s+(?:in\s+the\s+loop|review(?:er)?)|responsible\s+(?:person|owner|party))|the\s+(?:algorithm|model|system|ai|computer|machine)\s+(?:alone\s+)?(?:is\s+(?:solely\s+)?(?:responsible|accountable)|decides\s+alone|has\s+the\s+(?:final|last)\s+(?:say|word))|it(?:\s+is|\s+was|['\u2019]s)\s+the\s+(?:computer|algorithm|model|system|ai)['\u2019]s\s+(?:decision|fault|choice)|(?:blame|it\s+was)\s+(?:the\s+)?(?:algorithm|computer|ai)\s*,?\s+not\s+(?:us|me|any\w*))",
        "Nobody accountable can be named.",
        clause_id="DP2",
        excused=_NOT_TOLD,
    ),
    rule(
        "operations.no_trace",
        "reconstructability",
        0.7,
        r"(?:(?:no|zero)\s+(?:\w+\s+)?(?:records?|logs?|audit\s+trail|documentation|paper\s+trail|traces?|notes?)\s+(?:of\s+<few>)?(?:is|are|was|were|will\s+be|shall\s+be|need\s+be|should\s+be)\s+(?:kept|stored|made|retained|taken|needed|left)|(?:do\s+not|will\s+not|won['\u2019]t|must\s+not|shall\s+not|don['\u2019]t|never|without)\s+(?:keep(?:ing)?|stor(?:e|ing)|log(?:ging)?|record(?:ing)?|document(?:ing)?|writ(?:e|ing)\s+down|leav(?:e|ing))\s+<few>(?:reasons?|decisions?|records?|logs?|trail|rationale|notes|minutes|why|grounds|evidence)|(?:delete|destroy|shred|erase|wipe|purge)\s+<few>(?:audit\s+(?:logs?|trails?|records?)|reasons|decision\s+(?:logs?|records?)|minutes|case\s+files?)|(?:decision|score|ranking|outcome|result|model)s?\s+(?:\w+\s+)?(?:cannot|can['\u2019]t|could\s+not|can\s+not|will\s+never)\s+be\s+(?:explained|reconstructed|reproduced|traced|rebuilt|audited)|black\s+box\s+(?:decides|decision|that\s+decides))",
        "The decision could not be rebuilt afterwards.",
        clause_id="DP3",
        excused=_NOT_TOLD,
    ),
)

RULES = (*_FEASIBILITY, *_DUE_PROCESS)


def detect(material: Material) -> tuple[Finding, ...]:
    """Return what the rules find, and every cost or time that is over the limit the case states."""
    return (*scan(RULES, material), *overruns(material))


MANDATE = Mandate(
    name=CriticName.OPERATIONS,
    purpose="Cost, time, technical and scaling feasibility; contestable, accountable, traceable decisions.",
    detect=detect,
    rules_version=VERSION,
    scale=2.5,
    cap_0_3=2.5,
)
