"""What the security log of a tenant says when its evidence is found altered."""

from services.recorder.core.envelope import MAX_ATTRIBUTE_CHARS, Draft

KIND = "SECURITY"


def damaged_log(tenant: str, origin: str, first_bad: int, problem: str) -> Draft:
    """Return the record that a log does not match its records; each log gets one."""
    facts = {"event": "log_damaged", "log": origin, "first_bad": str(first_bad), "problem": problem}
    return _draft(tenant, f"damage/{origin}", facts)


def damaged_body(tenant: str, origin: str, index: int, problem: str) -> Draft:
    """Return the record that the content of a record cannot be read, and nothing says why."""
    facts = {"event": "body_damaged", "log": origin, "index": str(index), "problem": problem}
    return _draft(tenant, f"damage/{origin}/{index}", facts)


def _draft(tenant: str, key: str, facts: dict[str, str]) -> Draft:
    return Draft(
        tenant=tenant,
        idempotency_key=key,
        kind=KIND,
        decision_id="",
        subject_id="",
        payload=b"",
        content_type="",
        attributes={name: fact[:MAX_ATTRIBUTE_CHARS] for name, fact in facts.items()},
    )
