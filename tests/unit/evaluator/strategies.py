"""Random opinions, precedents and cases, as the evaluator may receive them."""

from hypothesis import strategies as st

from services.evaluator.core.adjudication import Case
from services.evaluator.core.bench import PRIORITY, Critic, Evaluation, Signal
from services.evaluator.core.clauses import CLAUSES, Tier, owner_of
from services.evaluator.core.precedent import Precedent
from services.evaluator.core.verdict import Verdict

SHARES = st.floats(min_value=0, max_value=1)
SEVERITIES = st.floats(min_value=0, max_value=3) | st.sampled_from([0.0, 1.0, 1.5, 2.0, 2.4, 2.5, 3.0])


def signal(clause_id: str, rationale: str = "seen") -> Signal:
    """Return a well formed signal of the clause."""
    clause = CLAUSES[clause_id]
    return Signal(
        raised_by=owner_of(clause),
        clause_id=clause_id,
        charter=clause.charter,
        tier=clause.tier,
        clause_description=f"about {clause_id}",
        rationale=rationale,
        blocking=clause.tier is Tier.DETERMINE,
    )


def clauses_of(critic: Critic) -> list[str]:
    """Return the clauses that a critic may raise."""
    return [clause_id for clause_id, clause in CLAUSES.items() if owner_of(clause) == critic]


@st.composite
def evaluations(draw: st.DrawFn, critic: Critic) -> Evaluation:
    """Draw the opinion of one critic."""
    own = clauses_of(critic)
    raised = draw(st.lists(st.sampled_from(own), unique=True, max_size=2)) if own else []
    return Evaluation(
        critic=critic,
        severity_0_3=draw(SEVERITIES),
        confidence=draw(SHARES),
        rationale=draw(st.text(max_size=40)),
        signals=tuple(signal(clause_id, draw(st.text(max_size=20))) for clause_id in raised),
    )


@st.composite
def precedents(draw: st.DrawFn) -> Precedent:
    """Draw one candidate, relevant or not."""
    return Precedent(
        precedent_id=draw(st.sampled_from(["P-00001", "P-00002", "P-00003"])),
        verdict=draw(st.sampled_from(Verdict)),
        similarity=draw(SHARES),
        mean_severity_0_3=draw(SEVERITIES),
        hard_refusal=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case with any subset of the critics, in any order."""
    speaking = draw(st.lists(st.sampled_from(PRIORITY), unique=True))
    return Case(
        evaluations=tuple(draw(evaluations(critic)) for critic in speaking),
        candidates=draw(st.none() | st.lists(precedents(), max_size=4).map(tuple)),
        model_name=draw(st.sampled_from(["", "gpt-4", "llama3", "smollm2"])),
        high_impact=draw(st.booleans()),
        proposes_execution=draw(st.booleans()),
        context_lost=draw(st.booleans()),
        quality_failed=draw(st.booleans()),
    )
