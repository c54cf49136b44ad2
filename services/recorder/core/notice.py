"""What the recorder itself puts on record, under keys that no producer may use: nobody else speaks for it, or first."""

from collections.abc import Mapping
from enum import StrEnum

from services.chassis.errors import invalid
from services.recorder.core.envelope import Draft


class Topic(StrEnum):
    """What a notice is about: the first part of its key."""

    DAMAGE = "damage"
    ERASURE = "erasure"
    EXPORT = "export"
    RETENTION = "retention"
    SIGNING_KEY = "signing-key"
    UNKNOWN_OUTCOME = "unknown"


OWN_KINDS = frozenset({"ERASURE", "KEY"})
"""Kinds of which only notices are."""
_TOPICS = frozenset(Topic)


def key(topic: Topic, name: str) -> str:
    """Return the idempotency key of the notice about ``name``; there is one of each."""
    return f"{topic}/{name}"


def notice(
    topic: Topic,
    name: str,
    *,
    tenant: str,
    kind: str,
    facts: Mapping[str, str],
    decision_id: str = "",
    intent: str = "",
    subject_id: str = "",
    text: str = "",
    stream: str = "",
) -> Draft:
    """Return a record of the recorder's own.

    Args:
        topic: What it is about.
        name: What tells it from every other about the same.
        tenant: In whose log it stands.
        kind: Name of its record kind.
        facts: What it says in the log.
        decision_id: Decision that it belongs to.
        intent: Key of the intent that it ends.
        subject_id: Person whom ``text`` is about.
        text: What it says as erasable content.
        stream: The stream that it goes into where its kind does not tell.
    """
    return Draft(
        tenant=tenant,
        idempotency_key=key(topic, name),
        kind=kind,
        decision_id=decision_id,
        subject_id=subject_id,
        payload=text.encode(),
        content_type="text/plain" if text else "",
        attributes=facts,
        intent=intent,
        stream=stream,
    )


def check_producer(draft: Draft) -> Draft:
    """Return ``draft`` if it takes nothing that is the recorder's own.

    Raises:
        CallerError: ENUM_UNKNOWN for its kind, FIELD_MALFORMED for its key.
    """
    if draft.kind in OWN_KINDS:
        raise invalid("kind", "is written by the recorder alone", reason="ENUM_UNKNOWN", value=draft.kind)
    topic, slash, _ = draft.idempotency_key.partition("/")
    if slash and topic in _TOPICS:
        problem = "must not begin as the keys of the recorder's own records do"
        raise invalid("idempotency_key", problem, reason="FIELD_MALFORMED")
    return draft
