"""Ask the witnesses of a policy to cosign a checkpoint, all at once, each from where it stands."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, gauge
from services.recorder.core.audit import AuditError
from services.recorder.core.cosignature import cosigned
from services.recorder.core.note import Holds, text_of
from services.recorder.core.policy import Policy
from services.recorder.core.witnessing import CONFLICT, UNPROCESSABLE, RefusedError, Submission
from services.recorder.ports import SignedCheckpoint
from services.recorder.publisher.ports import WitnessClient

ROUNDS = 2
"""A witness that stands elsewhere says so in the first; the second starts from there."""

_log = get_logger("recorder.witnesses", fields=("witness", "status", "problem"))
_lag = gauge(
    "magistrate_recorder_witness_lag_leaves", "Leaves of the meta-log that a witness has not cosigned", ["name"]
)
_refusals = counter(
    "magistrate_recorder_witness_refusals_total", "Refusals by witnesses, by HTTP status", ["name", "status"]
)

Prove = Callable[[int], Awaitable[Sequence[bytes]]]
"""Return the proof that leads from a smaller size to that of the checkpoint."""


class Witnesses:
    """Knows how far each witness has come, as far as it said."""

    def __init__(self, policy: Policy, clients: Mapping[str, WitnessClient], holds: Holds) -> None:
        self._policy, self._clients, self._holds = policy, clients, holds
        self._seen = dict.fromkeys(clients, 0)

    @property
    def required(self) -> bool:
        """Return whether a checkpoint counts only with cosignatures."""
        return not self._policy.satisfied(())

    async def cosign(self, newest: SignedCheckpoint, prove: Prove, *, late_only: bool = False) -> str | None:
        """Return the signature lines of all who cosign; None where they are not enough.

        Args:
            newest: The checkpoint.
            prove: Makes proofs that lead to it.
            late_only: Ask only who has not cosigned it yet: it counts already.

        Raises:
            AuditError: they are not enough, and one of them has seen another past than this.
        """
        lines, conflicts = dict[str, str](), list[AuditError]()
        wanted = [name for name, seen in self._seen.items() if seen < newest.checkpoint.size or not late_only]
        for _ in range(ROUNDS):
            asked = [name for name in wanted if name not in lines]
            proofs = {seen: await prove(seen) for seen in {self._seen[name] for name in asked}}
            answers = await asyncio.gather(*(self._ask(name, newest, proofs) for name in asked))
            for name, answer in zip(asked, answers, strict=True):
                if isinstance(answer, AuditError):
                    conflicts.append(answer)
                if answer is not None:
                    lines[name] = answer if isinstance(answer, str) else ""
        for name, seen in self._seen.items():
            _lag.labels(name).set(max(0, newest.checkpoint.size - seen))
        agreeing = {name for name, line in lines.items() if line} | (set(self._seen) - set(wanted))
        if conflicts and not self._policy.satisfied(agreeing):
            raise conflicts[0]
        return "".join(lines.values()) if self._policy.satisfied(agreeing) else None

    async def _ask(
        self, name: str, newest: SignedCheckpoint, proofs: Mapping[int, Sequence[bytes]]
    ) -> str | AuditError | None:
        """Return what a witness gives; None where it is to be asked again from where it says that it stands."""
        seen, size = self._seen[name], newest.checkpoint.size
        submission = Submission(old=seen, proof=proofs[seen], note=newest.note)
        try:
            answer = await self._clients[name].add_checkpoint(submission)
        except RefusedError as error:
            _refusals.labels(name, str(error.status)).inc()
            return self._refused(name, error, size)
        except MeshError as error:
            _log.warning("witness_away", witness=name, reason=error.reason)
            return ""
        known = self._policy.witnesses[name].cosigner
        lines = "".join(line for line, _ in cosigned(answer, text_of(newest.note), known, self._holds))
        if lines:
            self._seen[name] = size
        else:
            _log.error("witness_signs_something_else", witness=name)
        return lines

    def _refused(self, name: str, error: RefusedError, size: int) -> str | AuditError | None:
        seen = self._seen[name]
        if error.status == CONFLICT and error.size is not None and error.size <= size and error.size != seen:
            self._seen[name] = error.size
            return None
        _log.error("witness_refuses", witness=name, status=error.status, problem=str(error))
        if error.status == CONFLICT and error.size is not None and error.size > size:
            return AuditError(
                size, f"the witness {name} has seen it up to size {error.size}: the store was turned back"
            )
        if error.status == UNPROCESSABLE or (error.status == CONFLICT and error.size == seen):
            return AuditError(0, f"the witness {name} has seen another tree of {seen} leaves")
        return ""
