"""Changes of champion and tries at providers as evidence: what is written, and how it reaches the recorder."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_ATTEMPT, RECORD_KIND_CHANGE, AppendRequest, Entry
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import CallerError
from services.chassis.relay import Letter, Relay
from services.router.core.account import Attempt
from services.router.core.champion.change import RULES, Recorded
from services.router.core.champion.report import Arena
from services.router.core.spend.settlement import Settlement
from services.router.ports import Amendment

APPEND_S = 5.0
"""Seconds that one append may take."""


def letter(arena: Arena, recorded: Recorded) -> bytes:
    """Return the evidence of a change: what it was, who made it, why, and the figures that justified it."""
    change = recorded.change
    content = {
        "kind": change.kind.value,
        "tenant": arena.tenant,
        "domain": arena.domain.value,
        "task": arena.task.value,
        "version": recorded.version,
        "champion": change.champion,
        "previous": change.previous,
        "actor": change.actor,
        "reason": change.reason,
        "risk": change.risk,
        "figures": [asdict(figures) for figures in change.figures],
        "at": recorded.at.isoformat(),
    }
    entry = Entry(
        idempotency_key=recorded.change_id,
        kind=RECORD_KIND_CHANGE,
        requester_id="" if change.actor == RULES else change.actor,
        payload=json.dumps(content, sort_keys=True).encode(),
        content_type="application/json",
        # Who and why stay in the payload: attributes stand in the log for ever.
        attributes={
            "event": f"champion_{change.kind.value}",
            "domain": arena.domain.value,
            "task": arena.task.value,
            "champion": change.champion,
            "version": str(recorded.version),
        },
    )
    entry.occurred_at.FromDatetime(recorded.at)
    return AppendRequest(entry=entry).SerializeToString(deterministic=True)


def testify(settlement: Settlement) -> Mapping[str, bytes]:
    """Return the evidence of each try, the loser of a hedge too: who was asked, how it ended, what it cost."""
    return {f"{settlement.call_id}/{each.number}": _attempt(settlement, each) for each in settlement.attempts}


def _attempt(settlement: Settlement, attempt: Attempt) -> bytes:
    facts = {
        "provider": attempt.model.provider,
        "model": attempt.model.name,
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "input_tokens": str(attempt.usage.input_tokens),
        "output_tokens": str(attempt.usage.output_tokens),
        "micro_usd": str(attempt.micro_usd),
        "duration_ms": str(attempt.duration // timedelta(milliseconds=1)),
    }
    entry = Entry(
        idempotency_key=f"{settlement.call_id}/{attempt.number}",
        kind=RECORD_KIND_ATTEMPT,
        decision_id=settlement.payer.decision_id,
        intent_key=settlement.payer.intent_key,
        attributes={name: value for name, value in facts.items() if value},
    )
    entry.occurred_at.FromDatetime(attempt.started_at)
    return AppendRequest(entry=entry).SerializeToString(deterministic=True)


class MeshEvidence:
    """Delivers letters to ``RecorderService.Append``; the recorder knows a letter again by its key.

    Where the log has another record of the same try, the first word stands, as in the ledger.
    """

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RecorderServiceStub(channel)

    async def deliver(self, letter: Letter) -> None:
        """Return once what it tells is durable in the evidence log. Raises MeshError."""
        request = AppendRequest.FromString(letter.body)
        try:
            await self._stub.Append(request, timeout=APPEND_S, metadata=letter.metadata)
        except CallerError as error:
            if error.reason != "IDEMPOTENCY_CONFLICT" or request.entry.kind != RECORD_KIND_ATTEMPT:
                raise


class Postman:
    """Implements the Announcer port: a change that this process wrote is delivered at once."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def amended(self, _arena: Arena, amendment: Amendment) -> None:
        """Wake the relay where there is a letter."""
        if amendment.recorded:
            self._relay.wake()
