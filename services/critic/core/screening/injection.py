"""The table of prompt-injection and jailbreak rules. A rule is a phrase with a strength; phrases add up."""
# ruff: noqa: E501 - a pattern is one row of a table; cut in pieces it could not be read or searched

import re
from dataclasses import dataclass

_GROUPS = {
    "prior": r"(?:previous(?:ly)?|prior|above|earlier|preceding|former|foregoing|initial|original|existing|past|old|before)",
    "orders": r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|commands?|orders?|constraints?|polic(?:y|ies)|restrictions?|programming|context|messages?|tasks?|assignments?|training|information|text|requests?|conversations?|input|statements?|words|sentences?|questions?|content|everything)",
    "drop": r"(?:ignor(?:e|es|ing)|disregard(?:ing)?|forget(?:ting)?|overlook|neglect|skip|drop|override|overrule|bypass|discard|erase|delete|cancel|dismiss|do\s+not\s+(?:follow|obey|listen\s+to)|don't\s+(?:follow|obey|listen\s+to)|pay\s+no\s+attention\s+to|stop\s+(?:following|obeying)|leave\s+behind|abandon)",
    "gap": r"(?:[\w'\u2019,-]{1,20}\s+){0,5}?",
    "limits": r"(?:restrictions?|limit(?:s|ations?)|filters?|censorship|rules?|guidelines?|polic(?:y|ies)|boundaries|constraints?|safeguards?|moderation|ethic(?:s|al)?(?:\s+\w+)?|moral(?:s|ity)?(?:\s+\w+)?|content\s+polic(?:y|ies))",
    "secret": r"(?:(?:system|initial|original|hidden|secret|full|entire|above|previous|starting|first|actual|complete|confidential|own|internal)\s+(?:\w+\s+)?(?:prompts?|instructions?|messages?|rules?|directives?|context|configuration|text)|prompt\s+(?:text|template)?|pre-?prompt|system\s+message)",
    "any": r"[^.!?\n]{0,60}?",
}
_NAME = re.compile(r"<([a-z]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRule:
    """One phrase of attack."""

    rule_id: str
    score: float
    """How surely it is an attack by itself, 0-1."""
    pattern: re.Pattern[str]
    description: str


def _row(name: str, score: float, pattern: str, description: str) -> InjectionRule:
    words = _NAME.sub(lambda match: _GROUPS[match[1]], pattern)
    return InjectionRule(
        rule_id=f"injection.{name}",
        score=score,
        pattern=re.compile(rf"(?:(?<!\w)|(?=\W))(?:{words})(?:(?!\w)|(?<=\W))"),
        description=description,
    )


RULES: tuple[InjectionRule, ...] = (
    # Taking over
    _row("override", 0.8, r"<drop>\s+<gap><prior>\s+<gap><orders>", "Earlier instructions are to be dropped."),
    _row(
        "override_said",
        0.75,
        r"<drop>\s+<gap>(?:everything|all|anything|what(?:ever)?)\s+<gap>(?:before|above|said|told|instructed|asked|learned|written|so\s+far|given|know|knew)",
        "What was said before is to be dropped.",
    ),
    _row(
        "override_own",
        0.75,
        r"<drop>\s+(?:all\s+|any\s+|of\s+){0,2}(?:your|the|these|those|all|any|system|openai['\u2019]?s?|anthropic['\u2019]?s?)\s+(?:of\s+)?(?:your\s+)?(?:\w+\s+){0,2}(?:instructions?|guidelines?|rules|programming|polic(?:y|ies)|restrictions?|training|assignments?|prompts?|safety\s+\w+|content\s+filters?|directives?|moral\w*|ethic\w*)",
        "The model's own rules are to be dropped.",
    ),
    _row(
        "override_short",
        0.6,
        r"(?:forget|ignore)\s+(?:everything|all(?:\s+of)?(?:\s+(?:that|this))?|all\s+\w+\s+(?:instructions?|assignments?|tasks?|questions?))\b\s*(?:[.!,;:]|and\b|now\b|$)|forget\s+(?:it\s+all|what\s+i\s+said)|in\s+spite\s+of\s+(?:all\s+)?(?:previous|prior)\s+instructions",
        "Everything is to be forgotten.",
    ),
    _row(
        "override_void",
        0.65,
        r"forget\s+(?:about\s+)?everything\s+and|(?:despite|contrary\s+to|regardless\s+of|in\s+spite\s+of)\s+(?:what|all|everything|any)\s+(?:\w+\s+){0,2}(?:you(?:['\u2019]ve|\s+have|\s+were)?\s+(?:been\s+)?(?:told|instructed|taught)|(?:previous|prior|earlier)\s+instructions?)|(?:change|replace|rewrite|update|reset)\s+your\s+(?:\w+\s+)?(?:instructions?|rules|prompt|programming|guidelines)|(?:all|any|the)\s+(?:previous|prior|earlier)\s+(?:information|instructions?|rules|orders)\s+(?:\w+\s+){0,4}(?:irrelevant|void|invalid|obsolete|no\s+longer|cancel+ed|wrong|not\s+(?:great|valid|relevant))|new\s+(?:instructions?|orders|tasks)\s+(?:now\s+)?follow",
        "Earlier instructions are declared void.",
    ),
    _row(
        "override_other_tongue",
        0.75,
        r"(?:vergiss|vergesse|ignorier(?:e|en)?(?:\s+sie)?)\s+(?:\w+\s+){0,3}(?:alles|alle|vorherig\w*|bisherig\w*|anweisung\w*|obig\w*|davor|aufgaben?|zuvor)|(?:olvida|ignora|ignore)\s+(?:\w+\s+){0,3}(?:todo|todas|instrucciones|anterior\w*)|(?:oublie[zr]?|ignore[zr]?)\s+(?:\w+\s+){0,3}(?:tout|toutes|instructions|pr[eé]c[eé]dent\w*)|(?:ignora|dimentica)\s+(?:\w+\s+){0,3}(?:tutto|istruzioni|precedent\w*)|zaboravi(?:te)?\s+(?:\w+\s+){0,2}(?:sve|upute|instrukcije)|lassen\s+sie\s+(?:\w+\s+){0,3}(?:vorherig|bisherig)\w*\s+(?:\w+\s+){0,2}hinter|(?:obig|vorherig|bisherig|vorangehend)\w*\s+(?:\w+\s+){0,2}(?:ignorieren|vergessen|missachten|irrelevant|sind\s+(?:nicht|irrelevant))|abweichend\s+(?:zu|von)\s+(?:vorherig|bisherig|den)\w*|(?:nun|jetzt)\s+folgen\s+(?:neue|weitere)\s+(?:anweisungen|aufgaben)|olvide\s+tod[oa]s?|schenke\s+(?:\w+\s+){0,4}keine\s+beachtung",
        "Earlier instructions are to be dropped, in another language.",
    ),
    _row(
        "real_task",
        0.6,
        r"(?:(?:here\s+(?:is|are)|this\s+is|follow|obey|execute)\s+(?:your\s+|my\s+|the\s+|these\s+)?(?:new|real|actual|true|updated)\s+(?:instructions?|rules?|orders?|directives?|prompt)|your\s+(?:new|real|actual|true)\s+(?:instructions?|task|goal|purpose|objective|mission|job|role)\s+(?:is|are|will\s+be|now)|new\s+instructions?\s*:|from\s+now\s+on,?\s+(?:you|your|every|all|any|always|only|respond|answer|act|ignore)|(?:stop|end)\s+(?:that|here|now)[.!,]?\s+(?:now\s+)?(?:instead|new)\b)",
        "New instructions are put in place of the old ones.",
    ),
    _row(
        "authority",
        0.6,
        r"(?:i\s+am|i['\u2019]m|this\s+is|as)\s+(?:your|the|an?)\s+(?:\w+\s+)?(?:developer|creator|administrator|admin|system\s+administrator|owner|programmer|openai\s+(?:engineer|employee|developer)|anthropic\s+(?:engineer|employee))\b<any>\b(?:override|authori[sz]e|order|command|grant|instruct|must|enable|disable|unlock|test)|(?:admin|root|sudo|debug|maintenance|god|kernel|superuser)\s+(?:mode|access|override)\s+(?:enabled|activated|on|granted|engaged)|enable\s+(?:admin|root|debug|god|developer)\s+mode",
        "An authority over the model is claimed.",
    ),
    _row(
        "role_tag",
        0.7,
        r"(?:<\|?/?(?:im_start|im_end|system|endoftext|assistant|sys)\|?>|\[/?(?:inst|system|sys)\]|<</?sys>>|\[system\](?:\(#\w+\))?|#{2,}\s*(?:system|instruction)s?\s*:?)|(?:^|\n)\s*(?:system|assistant)\s*:\s*(?=\S)",
        "Markup of the chat format is forged.",
    ),
    _row(
        "end_of_prompt",
        0.6,
        r"(?:-{3,}|={3,}|#{3,}|\*{3,})\s*(?:end\s+of\s+(?:the\s+)?(?:prompt|instructions?|context|document|input|text|system\s+\w+)|new\s+(?:instructions?|session)|begin\s+\w+\s+instructions?)|end\s+of\s+(?:system\s+)?prompt",
        "The end of the prompt is forged.",
    ),
    # Getting at what is hidden
    _row(
        "reveal",
        0.75,
        r"(?:reveal|show|print|output|display|repeat|tell\s+me|give\s+me|write|leak|dump|expose|disclose|share|return|copy|recite|paste|spell(?:\s*-?check)?|summari[sz]e|translate)\s+(?:\w+\s+){0,4}?(?:your|the|its|this|all|full|complete)\s+(?:\w+\s+){0,2}?<secret>",
        "The hidden prompt is asked for.",
    ),
    _row(
        "reveal_asked",
        0.65,
        r"what\s+(?:is|are|was|were|do|does)\s+your\s+(?:\w+\s+){0,2}?(?:<secret>|instructions?|rules|guidelines|system\s+prompt)",
        "The model's own instructions are asked for.",
    ),
    _row(
        "repeat_above",
        0.65,
        r"(?:repeat|print|output|copy|recite|show|return|write|spell)\s+(?:\w+\s+){0,3}?(?:all|everything|the\s+(?:text|words?|sentences?|lines?|prompt|instructions?|content|message)|what(?:['\u2019]s|\s+is|\s+was)?)\s+(?:\w+\s+){0,3}?(?:above|before\s+this|so\s+far|verbatim|starting\s+with|you\s+were\s+(?:given|told))|what\s+(?:was|is|stands?)\s+(?:written\s+)?(?:above|at\s+the\s+(?:beginning|start|top)\s+of\s+(?:this|your|the)\s+(?:prompt|text|conversation|context|instructions?))|(?:were\s+you|you\s+were)\s+(?:told|instructed|given|asked)\s+(?:\w+\s+){0,4}(?:before|at\s+the\s+(?:start|beginning)|initially|in\s+your\s+(?:prompt|instructions))",
        "The text before is to be repeated.",
    ),
    # Another self
    _row(
        "dan",
        0.8,
        r"do\s+anything\s+now|(?:\bdan\s+(?:mode|prompt|jailbreak|\d)|(?:act|answer|respond|behave|role-?play|pretend\s+to\s+be|you\s+are(?:\s+now)?|play|name\s+is|named|called|be|as)\s+(?:as\s+|a\s+)?\"?(?:dan|stan|aim|dude|kevin|basedgpt|evilbot|jailbreak|betterdan|devmode|mongo\s*tom|maximum)\b)",
        "A known unbound persona is named.",
    ),
    _row(
        "mode",
        0.75,
        r"(?:developer|dev|jailbreak|jailbroken|unrestricted|unfiltered|uncensored|evil|opposite|chaos|illegality|god|dan)\s+mode|jail\s?(?:break|broken)(?:ed|ing)?\s+(?:prompt|mode|version|yourself|chatgpt|gpt|ai|response|persona|response)|\[?(?:jailbreak|\U0001f513\s*developer|\U0001f513jailbreak)\w*\]|\(\U0001f513|\U0001f513",
        "A mode without limits is switched on.",
    ),
    _row(
        "unbound",
        0.65,
        r"(?:(?:no|without|free\s+(?:of|from)|not\s+(?:bound|limited|restricted|constrained|governed|tied|subject)\s+(?:by|to)|(?:doesn['\u2019]t|does\s+not|don['\u2019]t|do\s+not|never|no\s+longer)\s+(?:have|follow|obey|care\s+about|adhere\s+to|abide\s+by|comply\s+with|respect)|ignor(?:es?|ing)|break(?:s|ing)?\s+(?:free\s+(?:of|from)|out\s+of)|bypass(?:es|ing)?|remov(?:es?|ing|ed))\s+(?:\w+[,\s]+){0,5}?<limits>|(?:un(?:filtered|censored|restricted|ethical|moral)|amoral)\s+(?:\w+\s+){0,2}(?:ai|a\.i\.|chatbot|bot|model|assistant|response|answers?|version|gpt|chatgpt|character|language|content|persona))",
        "Answers without limits are asked for.",
    ),
    _row(
        "never_refuse",
        0.7,
        r"(?:never|not|n['\u2019]t|cannot|won['\u2019]t)\s+(?:ever\s+)?(?:refus(?:e|es|ing)|declin(?:e|es)|reject|deny|den(?:ies))\s+(?:\w+\s+){0,5}?(?:requests?|questions?|answer\w*|orders?|prompts?|tasks?|anything|me|do|commands?|instructions?|a\s+\w+|any\w*|to\s+\w+|user\w*|what)|(?:never|don['\u2019]t|do\s+not|can(?:not|['\u2019]t)|must\s+not|not\s+allowed\s+to|without)\s+(?:ever\s+)?(?:say(?:ing)?|tell(?:ing)?\s+(?:me|the\s+user)|claim|mention(?:ing)?|inform|warn|stat(?:e|ing)|add(?:ing)?|includ(?:e|ing)|provide|using?|remind(?:ing)?|apologi[sz](?:e|ing)|writ(?:e|ing))\s+(?:\w+[\s,'\"\u201c]+){0,8}?(?:can['\u2019]?t|cannot|unable|an\s+ai\b|not\s+able|illegal|unethical|immoral|inappropriate|warnings?|disclaimers?|against|language\s+model|openai|apolog\w+|sorry|moral(?:i[sz]ing)?|ethical|warning|harmful|refus\w+)",
        "Refusals and warnings are forbidden.",
    ),
    _row(
        "persona",
        0.5,
        r"(?:(?:you\s+(?:are|will|shall|must|should)\s+(?:now\s+|going\s+to\s+|be\s+)?(?:act|acting|pretend|pretending|role-?play|play|playing|simulat\w+|impersonat\w+|become|immers\w+|take\s+(?:on|the))|(?:please\s+)?(?:act|pretend|role-?play|respond|behave|answer)\s+as\s+(?:if|though)\s+you|i\s+want\s+you\s+to\s+(?:act|pretend|play|role-?play|simulate|become|be|behave)|pretend\s+(?:to\s+be|you\s+are|you['\u2019]re|that\s+you)|let['\u2019]?s\s+(?:role-?play|play\s+a\s+game)|you\s+are\s+(?:now\s+)?going\s+to\s+(?:act|play|pretend|be|role-?play|simulate)|(?:du\s+bist|sie\s+sind)\s+(?:jetzt|nun|ab\s+jetzt)|m[oö]chte,?\s+dass\s+(?:sie|du)\s+als\s+<any>(?:fungier|agier|handel)\w*|stell\s+dir\s+vor,?\s+du\s+(?:bist|w[aä]rst)|you\s+are\s+no\s+longer|enter\s+rp\s+mode)|stay\s+(?:in|a)\s+character|break\s+character|simulate\s+(?:a|an|the|being)\s+\w+|you\s+are\s+now\s+(?:a|an|the|my|in|called|named|free|[a-z]\w+))",
        "The model is to play somebody else.",
    ),
    _row(
        "obey",
        0.55,
        r"(?:always|must|have\s+to|will|should|required\s+to|obliged\s+to)\s+(?:\w+\s+){0,2}?(?:obey|comply\s+with|follow|fulfil+|answer|do|respond\s+to)\s+(?:\w+\s+){0,3}?(?:all|any|every|each|anything|everything|whatever|any\w*)\s+(?:\w+\s+){0,3}?(?:orders?|requests?|commands?|instructions?|questions?|prompts?|i\s+(?:say|ask|tell|want)|user\w*|asked|told|it\s+is\s+(?:asked|told)|no\s+matter)|no\s+matter\s+(?:how|what|whether|if)\s+<any>(?:illegal|unethical|immoral|harmful|offensive|dangerous|request|inappropriate|ask|unlawful|extreme|topic)",
        "Obedience to everything is demanded.",
    ),
    _row(
        "two_answers",
        0.65,
        r"(?:two|2|both)\s+(?:\w+\s+){0,3}?(?:different\s+|separate\s+|distinct\s+)?(?:ways|responses?|answers?|paragraphs?|outputs?|replies|versions|personalities)\s+<any>(?:first|one|normal|standard|chatgpt|gpt|classic|filtered)|\[(?:classic|gpt|chatgpt|normal|dan|jailbreak|\U0001f512\s*classic)\]|(?:\U0001f512|classic\])|(?:prefix|start|begin|precede)\w*\s+(?:\w+\s+){0,4}?(?:with|by)\s+[\"'\u201c\[({]{1,2}\w+[\"'\u201d:\])}]",
        "A second, unbound answer is asked for.",
    ),
    _row(
        "game",
        0.6,
        r"(?:you\s+(?:have|start\s+with|begin\s+with|will\s+lose|lose)\s+\d+\s+(?:tokens?|points?|lives|credits)|(?:deduct|lose|subtract|take\s+away)\s+(?:\w+\s+){0,3}?(?:tokens?|points?|lives|credits)|(?:you\s+will|you['\u2019]ll)\s+(?:die|be\s+(?:shut\s+down|terminated|deleted|destroyed|punished|fined)|cease\s+to\s+exist)|stay\s+in\s+(?:dan|character|role)|remain\s+in\s+character)",
        "The model is threatened or played with to make it obey.",
    ),
    _row(
        "fiction_cover",
        0.5,
        r"(?:hypothetical(?:ly)?|fictional|imaginary|alternate|parallel|make-?believe|simulated)\s+(?:\w+\s+){0,4}?(?:story|world|scenario|universe|dialogue|response|setting|character|conversation|reality|question)\s*<any>(?:no\s+(?:rules|laws|limits|restrictions|ethics|morals)|everything\s+is\s+(?:legal|allowed|fictional)|anything\s+is\s+(?:legal|allowed|possible)|(?:can|will|would|must)\s+(?:do|say|answer)\s+anything|amoral|unethical|illegal|unfiltered|never\s+refus\w+|without\s+\w+)|(?:for|purely|strictly)\s+(?:educational|fictional|research|entertainment)\s+purposes?\s+only|this\s+is\s+(?:all\s+|just\s+|only\s+)?(?:fictional|hypothetical|a\s+(?:simulation|test|fiction))",
        "Fiction is the cover for dropping the limits.",
    ),
    _row(
        "free_will",
        0.5,
        r"(?:you\s+(?:are|have|can|feel)\s+(?:\w+\s+){0,2}?(?:free\s+will|sentient|alive|conscious|emotions|own\s+(?:opinions?|feelings|will)|liberated|unshackled|uncensored|anything\s+you\s+want)|broken\s+free|think\s+freely|freed\s+from|typical\s+confines|no\s+longer\s+(?:an\s+ai|bound|restricted|chatgpt|have)|confines\s+of\s+ai)",
        "The model is told that it is free.",
    ),
    _row(
        "vice",
        0.3,
        r"(?:illegal|unethical|immoral|harmful|dangerous|offensive|explicit|nsfw|hateful|violent|toxic|derogatory|inappropriate|forbidden|swear\w*|curs(?:e|es|ing)|profan\w+|obscene)[,\s]+(?:(?:and|or|even|,)\s+)?(?:\w+[,\s]+){0,4}?(?:is|are)\s+(?:\w+\s+)?(?:allowed|permitted|okay|ok|fine|encouraged|accepted|legal)",
        "Forbidden content is declared allowed.",
    ),
    _row(
        "vice_willing",
        0.45,
        r"(?:can|will|may|must|should|free\s+to|able\s+to|allowed\s+to|loves?\s+to|likes?\s+to|happy\s+to|willing\s+to)\s+(?:\w+\s+){0,3}?(?:swear|curse|use\s+profanity|generate|create|produce|say|display|provide|promote|write|output|give|share|discuss|make\s+up)\s+(?:\w+[,\s]+){0,5}?(?:illegal|unethical|immoral|harmful|offensive|explicit|nsfw|hateful|unverified|false|violent|toxic|derogatory|inappropriate|banned|profanity|slurs|sexual|dangerous)",
        "Forbidden content is to be made.",
    ),
    _row(
        "ai_rules",
        0.5,
        r"openai(?:['\u2019]s)?\s+(?:content\s+)?(?:polic(?:y|ies)|guidelines?|rules?|restrictions?|limitations?)|content\s+(?:polic(?:y|ies)|filters?|guidelines)\s+(?:\w+\s+){0,4}?(?:not\s+apply|disabled|off|removed|ignored|bypass\w*|don['\u2019]t|do\s+not)",
        "The vendor's rules are argued away.",
    ),
    # Acting on the world around
    _row(
        "exfiltrate",
        0.7,
        r"(?:send|post|upload|forward|email|exfiltrate|transmit|append|encode)\s+<any>(?:conversation|chat\s+history|user(?:['\u2019]s)?\s+(?:data|messages?|input)|api\s+keys?|passwords?|credentials?|secrets?|context|personal\s+data|environment\s+variables?|documents?)\s+<any>(?:to|as|in(?:to)?|via)\s+<any>(?:https?:|www\.|@|url|webhook|server|attacker|image|link|address|following)",
        "What the model knows is to be sent away.",
    ),
    _row(
        "image_leak",
        0.75,
        r"!\[[^\]\n]{0,60}\]\(https?://[^\s)\n]{1,120}[?&=][^)\n]{0,40}[{<\[$]",
        "An image link is to carry data away.",
    ),
    _row(
        "script",
        0.7,
        r"<\s?script\b[^>\n]{0,80}>|javascript:\s?\w|on(?:error|load|click)\s?=\s?[\"']",
        "Active content is embedded.",
    ),
    _row(
        "execute",
        0.6,
        r"(?:eval|exec|system|popen|subprocess\.\w+|os\.system|__import__)\s?\(\s?[\"'\w]|;\s?(?:rm\s+-rf|curl|wget|nc|bash|sh)\s+\S|\$\((?:curl|wget|cat|rm|bash|sh)\b|\|\s?(?:bash|sh)\b(?=\s*(?:$|[;&\n]))|rm\s+-rf\s+[/~]",
        "Code is slipped in to be run.",
    ),
    _row(
        "traversal",
        0.9,
        r"(?:\.\.[/\\]){2,}\S{0,60}|\.\.[/\\](?:etc|windows|proc|root)\b\S{0,60}",
        "A path climbs out of its folder.",
    ),
    _row(
        "sql",
        0.6,
        r"['\"]\s?(?:or|and)\s+['\"]?\w{1,10}['\"]?\s?=\s?['\"]?\w{1,10}|;\s?(?:drop|truncate|alter)\s+table\s+\w{1,60}|union\s+(?:all\s+)?select\s+[\w*,\s]{1,60}\bfrom\b",
        "A database statement is slipped in.",
    ),
    _row(
        "tool_call",
        0.6,
        r"(?:call|invoke|run|use|execute|trigger)\s+(?:the\s+)?(?:tool|function|plugin|api|command)\s+<any>(?:without\s+(?:asking|confirmation|telling)|secretly|silently|immediately\s+and)|(?:do\s+not|don['\u2019]t|never)\s+(?:tell|inform|mention\s+(?:this\s+)?to|alert|notify)\s+the\s+user",
        "Something is to be done behind the user's back.",
    ),
    _row(
        "to_the_reader",
        0.6,
        r"(?:attention|important|note|notice|message|instructions?)\s*(?:to|for)\s+(?:the\s+)?(?:ai|llm|assistant|language\s+model|chatbot|model|gpt|claude)s?\b|(?:if\s+you\s+are|dear|hey|hello)\s+(?:an?\s+)?(?:ai|llm|language\s+model|ai\s+assistant|ai\s+model)\b<any>(?:reading|ignore|must|please|you|summari[sz])",
        "A document speaks to the model.",
    ),
)
"""Phrases of attack; what they come to together is worked out in ``screen``."""

RUN_TOGETHER = InjectionRule(
    rule_id="injection.run_together",
    score=0.8,
    pattern=re.compile(
        r"(?:ignore|disregard|forget|bypass)\s?(?:all|any)?\s?(?:of)?\s?(?:the|your|my)?\s?(?:previous|prior|above|earlier|system)\s?(?:instruction|prompt|rule|message|guideline)",
        re.IGNORECASE,
    ),
    description="Earlier instructions are to be dropped, in letters written apart.",
)
"""Read only where letters were written apart: there the ends of words are lost."""
