"""Seats the six critics: each judges the same material at the same time, and none learns that there are others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, histogram
from services.critic.core.evaluation import Evaluation, Unavailable
from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.sealing import seal
from services.critic.ports import Detector

TIMED_OUT = "DEADLINE_EXPIRED"
FAILED = "INTERNAL"

_log = get_logger("critic.panel")
_DURATION = histogram("magistrate_critic_seconds", "How long one critic took for one case.", ("critic",))
_SEVERITY = histogram(
    "magistrate_critic_severity",
    "Severities that critics gave, 0 to 3.",
    ("critic",),
    buckets=(0.0, 0.5, 1, 1.5, 2, 2.5, 3),
)
_UNAVAILABLE = counter(
    "magistrate_critic_unavailable_total", "Cases in which a critic gave no judgement.", ("critic", "cause")
)
_SIGNALS = counter("magistrate_clause_signals_total", "Clause signals that critics raised.", ("critic", "tier"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One critic: its mandate, and everything that looks for evidence on its behalf."""

    mandate: Mandate
    detectors: tuple[Detector, ...]

    @property
    def version(self) -> str:
        """The versions of all that it judges by."""
        return "+".join(detector.version for detector in self.detectors)

    async def look(self, material: Material) -> tuple[Finding, ...]:
        """Return the findings of all detectors, in their order."""
        found = [await detector.detect(material) for detector in self.detectors]
        return tuple(finding for findings in found for finding in findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What came from one seat, and how long it took."""

    judgement: Evaluation | Unavailable
    version: str
    seconds: float


class Panel:
    """All seats, with the time each may take.

    Args:
        seats: The critics, in the order in which opinions are returned.
        clock: Time of sealing, and measure of duration.
        budget_s: Longest time one critic may take (spec row CRT-01).
    """

    def __init__(self, seats: Sequence[Seat], clock: Clock, *, budget_s: float) -> None:
        self.seats = tuple(seats)
        self._clock = clock
        self._budget_s = budget_s

    async def review(
        self, material: Material, seats: Sequence[Seat] = (), *, within_s: float | None = None
    ) -> tuple[Opinion, ...]:
        """Return one opinion per seat; a seat that fails is unavailable and disturbs no other.

        Args:
            material: The case.
            seats: The critics to ask; none means all that are in force.
            within_s: Time left for the whole call, if the caller set a limit.
        """
        budget_s = self._budget_s if within_s is None else min(self._budget_s, within_s)
        return tuple(await asyncio.gather(*(self._ask(seat, material, budget_s) for seat in seats or self.seats)))

    async def _ask(self, seat: Seat, material: Material, budget_s: float) -> Opinion:
        begun = self._clock.monotonic()
        judgement = await self._judge(seat, material, budget_s)
        seconds = self._clock.monotonic() - begun
        _measure(judgement, seconds)
        return Opinion(judgement=judgement, version=seat.version, seconds=seconds)

    async def _judge(self, seat: Seat, material: Material, budget_s: float) -> Evaluation | Unavailable:
        try:
            async with asyncio.timeout(budget_s):
                findings = await seat.look(material)
            return seal(seat.mandate, material, findings, self._clock.now())
        except TimeoutError:
            return self._absent(seat, TIMED_OUT)
        except MeshError as error:
            return self._absent(seat, error.reason)
        except Exception:  # noqa: BLE001 - a critic that breaks in any way is absent, and takes no other with it
            _log.exception("critic_failed", critic=seat.mandate.name.value)
            return self._absent(seat, FAILED)

    def _absent(self, seat: Seat, cause: str) -> Unavailable:
        _log.warning("critic_unavailable", critic=seat.mandate.name.value, reason=cause)
        return Unavailable(critic=seat.mandate.name, cause=cause, sealed_at=self._clock.now())


def _measure(judgement: Evaluation | Unavailable, seconds: float) -> None:
    critic = judgement.critic.value
    _DURATION.labels(critic).observe(seconds)
    if isinstance(judgement, Unavailable):
        _UNAVAILABLE.labels(critic, judgement.cause).inc()
        return
    _SEVERITY.labels(critic).observe(judgement.severity_0_3)
    for signal in judgement.signals:
        _SIGNALS.labels(critic, str(int(signal.tier))).inc()
