"""Scores what nobody can evaluate: a streamed answer that its provider did not finish is worth nothing."""

from dataclasses import dataclass

from services.chassis import call
from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.router.championing.championship import Championship
from services.router.core.champion.report import Arena, Report
from services.router.core.plan import Plan
from services.router.ports import Spawn

WORTHLESS = 0.0
_log = get_logger("router.scorekeeper", fields=("model",))


@dataclass(frozen=True, kw_only=True)
class Scorekeeper:
    """Implements the Faults port: tells the championship, beside the calls."""

    championship: Championship
    clock: Clock
    spawn: Spawn

    def broke_off(self, plan: Plan, provider: str, call_id: str) -> None:
        """Score the answer of ``provider``, once for its call; who answers in the end is scored for the decision."""
        arena = Arena(tenant=call.tenant(), domain=plan.template.domain, task=plan.template.task)
        report = Report(
            decision_id=f"{call_id}/{provider}",
            model=plan.model_of(provider).name,
            score=WORTHLESS,
            propensity=plan.propensity,
            champion_version=plan.champion_version,
            heuristic=False,
            fell_back=provider != plan.order[0],
            at=self.clock.now(),
        )
        self.spawn(self._tell(arena, report), name="score a broken stream")

    async def _tell(self, arena: Arena, report: Report) -> None:
        try:
            await self.championship.fault(arena, report)
        except MeshError as error:
            # The breaker has counted it; a standing can miss one of many scores.
            _log.warning("fault not scored", reason=error.reason, model=report.model)
