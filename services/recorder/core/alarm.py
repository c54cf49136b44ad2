"""What the security log of a tenant says when its evidence is found altered."""

from services.recorder.core.envelope import MAX_ATTRIBUTE_CHARS, Draft
from services.recorder.core.notice import Topic, notice

KIND = "SECURITY"


def damaged_log(tenant: str, origin: str, first_bad: int, problem: str) -> Draft:
    """Return the record that a log does not match its records; each log gets one."""
    facts = {"event": "log_damaged", "log": origin, "first_bad": str(first_bad), "problem": problem}
    return _alarm(tenant, origin, facts)


def damaged_body(tenant: str, origin: str, index: int, problem: str) -> Draft:
    """Return the record that the content of a record cannot be read, and nothing says why."""
    facts = {"event": "body_damaged", "log": origin, "index": str(index), "problem": problem}
    return _alarm(tenant, f"{origin}/{index}", facts)


def _alarm(tenant: str, name: str, facts: dict[str, str]) -> Draft:
    facts = {fact: text[:MAX_ATTRIBUTE_CHARS] for fact, text in facts.items()}
    return notice(Topic.DAMAGE, name, tenant=tenant, kind=KIND, facts=facts)
