"""Changes of champion as evidence: what is written with the change, and how it reaches the recorder."""

import json
from dataclasses import asdict

from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_CHANGE, AppendRequest, Entry
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import MeshChannel
from services.chassis.relay import Letter, Relay
from services.router.core.champion.change import Recorded
from services.router.core.champion.report import Arena
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


class MeshEvidence:
    """Delivers letters to ``RecorderService.Append``; the recorder knows a letter again by its key."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RecorderServiceStub(channel)

    async def deliver(self, letter: Letter) -> None:
        """Return once the change is durable in the evidence log. Raises MeshError."""
        await self._stub.Append(AppendRequest.FromString(letter.body), timeout=APPEND_S, metadata=letter.metadata)


class Postman:
    """Implements the Announcer port: a change that this process wrote is delivered at once."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def amended(self, _arena: Arena, amendment: Amendment) -> None:
        """Wake the relay where there is a letter."""
        if amendment.recorded:
            self._relay.wake()
