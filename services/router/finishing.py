"""Takes off an answer what its template says that models add to it."""

from dataclasses import dataclass, replace

from services.router.core.answer import Answer
from services.router.core.finish import finish
from services.router.core.plan import Plan
from services.router.core.request import Request
from services.router.ports import Generator


@dataclass(frozen=True, kw_only=True)
class Finisher:
    """Implements the Generator port before another one. A streamed answer is with its reader before it is whole."""

    generator: Generator

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer, finished; one that follows a schema stays as it is."""
        answer = await self.generator.generate(request, plan, decision_id)
        return answer if plan.json_schema else replace(answer, text=finish(answer.text, plan.template.answer_steps))
