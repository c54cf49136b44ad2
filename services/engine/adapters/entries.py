"""What the engine records: that it is about to decide, what it decided, how it ended, what it refused at the door."""

from typing import cast

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED, CriticEvaluation
from magistrate.recorder.v1.recorder_pb2 import (
    RECORD_KIND_DECISION,
    RECORD_KIND_INTENT,
    RECORD_KIND_OUTCOME,
    RECORD_KIND_SECURITY,
    Entry,
)
from services.chassis import call, redaction
from services.engine.adapters import codec
from services.engine.core.decision import Decision, Screened
from services.engine.core.intent import Ending, Intent, Result

_NOTE_TYPE = "application/json"


def intent(opened: Intent) -> Entry:
    """Return the record that something is about to be done; that of a decision has no content.

    Where there is content, it is that of whoever makes the current call, as with a decision.
    """
    entry = Entry(
        idempotency_key=opened.key,
        kind=RECORD_KIND_INTENT,
        decision_id=opened.decision_id,
        requester_id=_requester() if opened.note else "",
        payload=opened.note.encode(),
        content_type=_NOTE_TYPE if opened.note else "",
        attributes={"action": opened.action, **opened.facts},
    )
    entry.occurred_at.FromDatetime(opened.began)
    return entry


def outcome(opened: Intent, ending: Ending) -> Entry:
    """Return the record of how it ended; an intent has one key for it, so that the first word stands."""
    facts = {"outcome": ending.result.value, "reason": ending.reason, **ending.facts}
    return Entry(
        idempotency_key=f"{opened.key}/outcome",
        kind=RECORD_KIND_OUTCOME,
        decision_id=opened.decision_id,
        intent_key=opened.key,
        attributes={name: value for name, value in facts.items() if value},
    )


def decision(made: Decision) -> Entry:
    """Return what is recorded of a decision: also what is withheld, and the context that the judges read."""
    message = codec.message(made)
    message.answer = made.generated.text
    if made.gathered.text or made.gathered.chunks:
        message.context.text = made.gathered.text
        message.context.pieces.extend(made.gathered.chunks)
    redacted = redaction.clean(message)
    entry = Entry(
        idempotency_key=made.decision_id,
        kind=RECORD_KIND_DECISION,
        decision_id=made.decision_id,
        subject_id=made.question.subject_id,
        requester_id=_requester(),
        payload=message.SerializeToString(deterministic=True),
        content_type=codec.MEDIA_TYPE,
        attributes={
            "verdict": made.verdict.name.lower(),
            "model": made.generated.model,
            **({"policy": message.adjudication.policy} if message.adjudication.policy else {}),
            "degraded_mode": made.gathered.mode.name.lower(),
            "released": "no" if made.withheld_reason else "yes",
            **({"redacted": "yes"} if redacted else {}),
            **_objections(made),
        },
    )
    # When it was made, not when it gets there: what a spool delivers after an erasure may be of before.
    entry.occurred_at.FromDatetime(made.created_at)
    return entry


def refusal(decision_id: str, screened: Screened) -> Entry:
    """Return the record of which detectors refused a question, without the question."""
    return Entry(
        idempotency_key=f"{decision_id}/refused",
        kind=RECORD_KIND_SECURITY,
        decision_id=decision_id,
        attributes={"event": "input_rejected", "detectors": ",".join(screened.detectors)[:200]},
    )


DECIDED = Ending(result=Result.DECIDED)


def _requester() -> str:
    """Return who asks: what they write is about them too, whomever else they write about."""
    return call.current().principal.subject


def _objections(made: Decision) -> dict[str, str]:
    """Return each critic that found something, with the whole part of its severity, or that could not judge."""
    found = dict[str, str]()
    for sealed in made.reviewed.evaluations:
        evaluation = cast("CriticEvaluation", sealed)
        if evaluation.status != EVALUATION_STATUS_EVALUATED:
            found[f"critic.{evaluation.critic}"] = "unavailable"
        elif evaluation.severity_0_3:
            found[f"critic.{evaluation.critic}"] = str(int(evaluation.severity_0_3))
    return found
