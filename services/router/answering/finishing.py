"""Takes off an answer what its template says that models add to it, whether it comes whole or as it is written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from services.chassis.errors import MeshError
from services.router.core import failures
from services.router.core.answer import Answer
from services.router.core.finish import Finishing, Step, finish
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded
from services.router.core.request import Request
from services.router.ports import Generator, Streamed, Streams


@dataclass(frozen=True, kw_only=True)
class Finisher:
    """Implements the Generator port before another one."""

    generator: Generator

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer, finished."""
        answer = await self.generator.generate(request, plan, decision_id)
        return replace(answer, text=finish(answer.text, _steps(plan)))


@dataclass(frozen=True, kw_only=True)
class StreamFinisher:
    """Implements the Streams port before another one: what its reader has in the end is the text of a whole answer."""

    streams: Streams

    async def stream(self, request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Yield the answer, finished. Raises as the inner one, with the characters that the reader has."""
        finishing, sent = Finishing(_steps(plan)), 0
        async with aclosing(self.streams.stream(request, plan, decision_id)) as events:
            try:
                async for event in events:
                    if isinstance(event, Discarded):
                        if sent:
                            yield replace(event, characters=sent)
                        finishing, sent = Finishing(_steps(plan)), 0
                        continue
                    if text := finishing.add(event) if isinstance(event, str) else finishing.end():
                        sent += len(text)
                        yield text
                    if isinstance(event, Answer):
                        yield event
            except MeshError as error:
                if error.reason != "STREAM_BROKEN":
                    raise
                # The partial answer is its reader's, also what would have been taken off if more had come.
                if rest := finishing.end():
                    yield rest
                raise failures.broken(error.metadata["provider"], sent + len(rest), error) from error


def _steps(plan: Plan) -> tuple[Step, ...]:
    """Return what is taken off answers of ``plan``: nothing where they follow a schema."""
    return () if plan.json_schema else plan.template.answer_steps
