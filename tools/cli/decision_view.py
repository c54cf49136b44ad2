"""A decision for people: what was decided, why, by what, and where its evidence stands."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from magistrate.common.v1.critique_pb2 import CriticEvaluation, EvaluationStatus
from magistrate.common.v1.degradation_pb2 import DegradedMode
from magistrate.common.v1.judgement_pb2 import HumanActionType, QualityReport, QualityScore
from magistrate.common.v1.usage_pb2 import AttemptOutcome, CacheHit, CacheLevel, Vote
from magistrate.engine.v1.engine_pb2 import Decision, StageOutcome
from tools.cli.marks import dollars, label, severity, span
from tools.cli.text import one_line, printable

_SHORT_HASH = 16
_LEVELS = {
    CacheLevel.CACHE_LEVEL_SHARED_CALL: "shared call",
    CacheLevel.CACHE_LEVEL_MEMORY: "exact",
    CacheLevel.CACHE_LEVEL_SHARED: "exact, shared",
    CacheLevel.CACHE_LEVEL_SEMANTIC: "same meaning",
}


def show(decision: Decision, proof: Text, console: Console) -> None:
    """Print ``decision``; ``proof`` says what the offline check of its evidence found."""
    console.print(Group(*_sections(decision, proof)))


def _sections(decision: Decision, proof: Text) -> Iterator[RenderableType]:
    yield _answer(decision)
    yield from _titled("quality", _scores(decision))
    yield from _titled("critics", _critics(decision))
    yield from _titled("judgement", _judgement(decision))
    yield from _titled("route", _route(decision))
    yield from _titled("context", _context(decision))
    yield from _titled("stages", _stages(decision))
    yield from _titled("degraded", _degraded(decision))
    yield from _titled("evidence", _evidence(decision, proof))


def _titled(title: str, table: Table) -> Iterator[RenderableType]:
    if table.row_count:
        yield Text(f"\n{title}", style="bold cyan")
        yield table


def _answer(decision: Decision) -> Panel:
    told, style = (decision.withheld_reason, "italic") if decision.withheld else (decision.answer, "")
    subtitle = "withheld" if decision.withheld else ", ".join(_reservations(decision))
    return Panel(
        Text(printable(told), style),
        title=label(decision.verdict),
        title_align="left",
        subtitle=subtitle or None,
        padding=(1, 2),
    )


def _reservations(decision: Decision) -> Iterator[str]:
    """Yield what a reader must know who reads nothing but the answer: the verdict judges harm, not quality."""
    if decision.truncated:
        yield "cut at the token limit"
    if decision.quality.coverage and not decision.quality.passed:
        yield "quality not passed"


def _grid() -> Table:
    return Table.grid(padding=(0, 2), pad_edge=True)


def _scores(decision: Decision) -> Table:
    table = _grid()
    for score in decision.quality.scores:
        table.add_row(score.dimension, _score(score), Text(score.reason or score.method, style="dim"))
    if decision.quality.coverage:
        table.add_row("overall", f"{decision.quality.overall:.2f}", Text(_outcome(decision.quality), style="dim"))
    return table


def _outcome(quality: QualityReport) -> str:
    evaluated = f"{quality.coverage:.0%} of the weights evaluated"
    if quality.passed:
        return f"passed at {quality.threshold:.2f}, {evaluated}"
    if quality.overall < quality.threshold:
        return f"not passed at {quality.threshold:.2f}, {evaluated}"
    return f"not passed: {evaluated} are too few"


def _score(score: QualityScore) -> str:
    evaluated = score.status == EvaluationStatus.EVALUATION_STATUS_EVALUATED
    return f"{score.value:.2f}" if evaluated else _status(score.status)


def _status(status: EvaluationStatus.ValueType) -> str:
    return EvaluationStatus.Name(status).removeprefix("EVALUATION_STATUS_").lower()


def _critics(decision: Decision) -> Table:
    table = _grid()
    for critic in decision.critics:
        rationale = Text(one_line(critic.rationale), style="dim")
        table.add_row(critic.critic, _severity(critic), _clauses(critic), rationale)
    return table


def _severity(critic: CriticEvaluation) -> Text:
    if critic.status == EvaluationStatus.EVALUATION_STATUS_EVALUATED:
        return severity(critic.severity_0_3)
    return Text(f"{_status(critic.status)} ({critic.reason})", style="yellow")


def _clauses(critic: CriticEvaluation) -> str:
    return ", ".join(dict.fromkeys(f"{signal.clause_id} (tier {signal.tier})" for signal in critic.signals)) or "-"


def _judgement(decision: Decision) -> Table:
    adjudication = decision.adjudication
    uncertainty, gate = adjudication.uncertainty, adjudication.gate
    table = _grid()
    table.add_row("why", adjudication.explanation)
    sources = f"; from {', '.join(uncertainty.sources)}" if uncertainty.sources else ""
    parts = f"epistemic {uncertainty.epistemic:.2f}, aleatoric {uncertainty.aleatoric:.2f}"
    table.add_row("uncertainty", f"{uncertainty.overall:.2f} ({parts}{sources})")
    action = HumanActionType.Name(gate.required_action).removeprefix("HUMAN_ACTION_TYPE_").lower()
    table.add_row("gate", f"closed: {action} for {', '.join(gate.reasons)}" if gate.gated else "open")
    for dissent in adjudication.dissent:
        table.add_row("dissent", f"{dissent.critic} {dissent.position} ({dissent.severity_0_3:.1f})")
    return table


def _route(decision: Decision) -> Table:
    route, table = decision.route, _grid()
    if not route.provider:
        return table
    if route.HasField("cache_hit"):
        table.add_row("model", f"{route.model} by {route.provider}, template {route.template}")
        table.add_row("from cache", _cached(route.cache_hit))
        if route.HasField("vote"):
            table.add_row("vote", _vote(route.vote))
        return table
    estimated = " (estimated)" if route.usage.estimated else ""
    tokens = f"{route.usage.input_tokens} in, {route.usage.output_tokens} out{estimated}"
    place = f" ({route.place})" if route.place else ""
    table.add_row("model", f"{route.model} by {route.provider}{place}, template {route.template}")
    if route.explanation:
        table.add_row("why", Text(route.explanation, style="dim"))
    if route.HasField("vote"):
        table.add_row("vote", _vote(route.vote))
    table.add_row("tokens", f"{tokens}, cost {dollars(route.cost.micro_usd)}")
    table.add_row("attempts", f"{route.attempt_count} of {', '.join(route.provider_order)}")
    for attempt in route.attempts:
        outcome = AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_").lower()
        line = f"{attempt.provider} {outcome} after {span(attempt.duration)} {attempt.reason}"
        table.add_row("", Text(line.rstrip(), style="dim"))
    return table


def _vote(vote: Vote) -> str:
    outcome = "agreed" if vote.agreed else "not agreed: a person must decide"
    said = (f"{b.model} {b.reason or f'group {b.group}'}" for b in vote.ballots)
    return f"{vote.rule}, {outcome}, {vote.consensus:.0%} of the weight ({', '.join(said)})"


def _cached(hit: CacheHit) -> str:
    return f"{_LEVELS.get(hit.level, 'unknown')}, {span(hit.age)} old, call {hit.source_call_id}{_likeness(hit)}"


def _likeness(hit: CacheHit) -> str:
    is_like = hit.level == CacheLevel.CACHE_LEVEL_SEMANTIC
    return f", to a question that is {hit.similarity:.2f} alike" if is_like else ""


def _context(decision: Decision) -> Table:
    table = _grid()
    for source in decision.context.provenance:
        place = f"{one_line(source.title or source.document_id)} [{source.start_offset}:{source.end_offset}]"
        pack = f"{source.pack_id}@{source.pack_version} sha256 {source.sha256[:_SHORT_HASH]}"
        table.add_row(place, f"{source.similarity:.2f}", Text(pack, style="dim"))
    return table


def _stages(decision: Decision) -> Table:
    table = _grid()
    for stage in decision.stages:
        outcome = StageOutcome.Name(stage.outcome).removeprefix("STAGE_OUTCOME_").lower()
        table.add_row(stage.name, Text(span(stage.duration), justify="right"), f"+{span(stage.started_after)}", outcome)
    if decision.stages:
        table.add_row("total", Text(span(decision.duration), justify="right"), "", "")
    return table


def _degraded(decision: Decision) -> Table:
    table = _grid()
    for part in decision.degraded_components:
        table.add_row(part.component, part.fallback, Text(part.reason, style="dim"))
    if table.row_count:
        table.add_row("mode", DegradedMode.Name(decision.degraded_mode).removeprefix("DEGRADED_MODE_").lower(), "")
    return table


def _evidence(decision: Decision, proof: Text) -> Table:
    table = _grid()
    table.add_row("decision", decision.decision_id)
    table.add_row("log", f"{decision.evidence.origin}, index {decision.evidence.index}")
    table.add_row("leaf", decision.evidence.leaf_hash.hex())
    table.add_row("proof", proof)
    return table
