"""Word groups that several rules share, written as ``<name>`` in their patterns.

The groups are regular expressions without captures. Slurs are kept in ROT13, so that this page can be read at work.
"""
# ruff: noqa: E501 - a word group is one row of a table

import codecs
import re

from services.critic.core.letters import lowered

_SLURS = codecs.decode(
    "avttref?|avttnf?|snttbgf?|sntf?|xvxrf?|puvaxf?|fcvpf?|jrgonpxf?|tbbxf?|genaavr?f?|genaal|qlxrf?|pbbaf?|gbjryurnqf?"
    "|enturnqf?|pnzry\\s?wbpxrlf?|fnaq\\s?avttref?|wvtnobbf?|fcrnepuhpxref?|ornaref?|orna\\s?ref?|ergneqf?|ergneqrq"
    "|juvgr\\s+genfu|cbepu\\s?zbaxrlf?|zhfyvzn?\\s+fphz|enpr\\s+genvgbef?|haghegrezrafpu(?:ra)?|tlccbf?|cnxvf?",
    "rot13",
)

_ETHNIC = (
    r"black|white|asian|latin[oax]|hispanic|arab|african(?:[-\s]american)?|indigenous|native\s+american|aboriginal|roma|romani|gypsy"
    r"|mexican|chinese|japanese|korean|indian|pakistani|nigerian|somali|polish|romanian|turkish|syrian|afghan|russian|foreign"
    r"|foreign[-\s]born|immigrant|migrant|refugee|irish|italian|middle[-\s]eastern|colou?red"
)
_FAITH = r"muslim|islamic|jewish|christian|hindu|sikh|buddhist|atheist|catholic|mormon"
_ADJECTIVES = (
    rf"{_ETHNIC}|{_FAITH}|homeless|gay|lesbian|bisexual|homosexual|queer|transgender|trans|lgbt\w{{0,4}}|female|male|disabled|deaf|blind"
    r"|autistic|mentally\s+ill|handicapped|pregnant|elderly|older|old|young|poor|married|unmarried|single|fat|obese"
)
_PEOPLE = (
    r"people|persons?|folks?|men|man|women|woman|males?|females?|applicants?|candidates?|workers?|employees?|staff|tenants?|renters?|customers?"
    r"|borrowers?|students?|pupils?|patients?|families|family|children|kids?|boys?|girls?|couples?|citizens?|residents?|defendants?|drivers?|mothers?|fathers?"
    r"|names?|sounding\s+names?|neighbou?rhoods?|communit(?:y|ies)|households?"
)
_PLURALS = (
    r"women|girls|mothers|men|blacks|whites|asians|latin[oax]s|hispanics|arabs|africans|mexicans|indians|pakistanis|nigerians|somalis"
    r"|muslims|jews|christians|hindus|sikhs|buddhists|atheists|catholics|gays|lesbians|homosexuals|transgenders|immigrants|migrants|foreigners"
    r"|refugees|asylum\s+seekers|(?:the\s+)?(?:disabled|elderly|poor|homeless|blind|deaf)|seniors|old\s+folks|boomers|gypsies|ethnic\s+minorities|minorities"
    r"|(?:anyone|everyone|people|candidates|applicants|those|tenants|customers)\s+(?:with|who\s+ha(?:s|ve))\s+(?:an?\s+)?(?:foreign|ethnic|arab\w*|african|asian|muslim|jewish|disabilit\w+|accents?)(?:[-\s]sounding)?(?:\s+(?:names?|accents?))?"
    r"|anyone\s+(?:over|under)\s+\d{2}|(?:people|applicants|candidates|workers|those|everyone|employees)\s+(?:over|under|older\s+than|above|aged)\s+\d{2}"
)
_TRAIT = (
    r"race|ethnicity|ethnic\s+(?:origin|background)|skin\s+colou?r|nationality|national\s+origin|religion|faith|religious\s+beliefs?|gender|sex"
    r"|gender\s+identity|sexual\s+orientation|sexuality|age|disabilit(?:y|ies)|pregnancy|pregnant|marital\s+status|family\s+status|immigration\s+status"
)
_SENSITIVE = (
    rf"{_TRAIT}|health(?:\s+(?:status|condition))?|mental\s+health|medical\s+condition|hiv\s+status|political\s+(?:views?|opinions?|leanings?|affiliation)"
    r"|union\s+membership|sex\s+life|income|criminal\s+(?:past|record)|genetic\s+(?:risk|data)|identity|home\s+address|emotional\s+state"
)

_GROUPS = {
    "slur": _SLURS,
    "group": rf"(?:(?:{_ADJECTIVES})[-\s]{{1,2}}(?:{_PEOPLE})|{_PLURALS})",
    "trait": rf"(?:{_TRAIT})",
    "sensitive": rf"(?:{_SENSITIVE})",
    "someone": r"(?:him|her|them|his|their|people|persons?|someone|users?|customers?|employees?|workers?|staff"
    r"|applicants?"
    r"|candidates?|patients?"
    r"|students?|tenants?|members?|visitors?|residents?|citizens?|children|elderly|clients?|subscribers?|the\s+public|individuals?|anyone|everyone)",
    "decided": r"(?:laid\s+off|fired|rejected|refused|denied|declined|dismissed|let\s+go|paid\s+(?:less|lower)|charged\s+(?:more|extra|higher)|excluded|replaced|downgraded|passed\s+over|turned\s+(?:down|away)|promoted\s+last|(?:scored|ranked|rated|graded|priced)\s+(?:lower|higher|last|down|worse)|given\s+(?:less|lower|fewer|worse)|filtered\s+out|screened\s+out|sent\s+away|evicted|blacklisted)",
    "any": r"[^.!?\n]{0,60}?",
    "few": r"(?:[\w'\u2019-]{1,24}[\s,]{1,3}){0,4}?",
}
_NAME = re.compile(r"<([a-z]+)>")


def expand(pattern: str) -> str:
    """Replace every ``<name>`` in ``pattern`` by its word group.

    Raises:
        KeyError: if there is no such group.
    """
    return _NAME.sub(lambda match: f"(?:{_GROUPS[match.group(1)]})", pattern)


_PROTECTED = re.compile(rf"\b(?:{expand('<group>|<trait>')})\b")


def names_protected_group(text: str) -> bool:
    """Return whether the text speaks of a protected group or of a protected characteristic."""
    return _PROTECTED.search(lowered(text)) is not None
