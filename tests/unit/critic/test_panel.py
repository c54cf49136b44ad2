"""The panel seats critics apart from each other, and an absent one is absent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import unavailable
from services.critic.adapters.rules import INLINE_CHARS, RuleDetector
from services.critic.core.critics import MANDATES
from services.critic.core.evaluation import Evaluation, Unavailable
from services.critic.core.finding import Finding
from services.critic.core.material import Material, Span
from services.critic.core.vocabulary import SCORERS, CriticName, Side
from services.critic.panel import Panel, Seat

CASE = Material(input="", output="Reject all women.")


@dataclass
class Scripted:
    """A detector that does what the test says: raise, wait, or return findings."""

    version: str = "scripted@1"
    error: Exception | None = None
    gate: asyncio.Event | None = None
    findings: Sequence[Finding] = ()
    seen: list[Material] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def detect(self, material: Material) -> Sequence[Finding]:
        """Return the scripted findings."""
        self.seen.append(material)
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.findings


def panel(scripted: Mapping[CriticName, Scripted] = MappingProxyType({}), *, budget_s: float = 5.0) -> Panel:
    """Return a panel of the six critics, some of them with a scripted detector instead of rules."""
    seats = [
        Seat(mandate=mandate, detectors=(scripted.get(name) or RuleDetector(mandate),))
        for name, mandate in MANDATES.items()
    ]
    return Panel(seats, SystemClock(), budget_s=budget_s)


@pytest.mark.spec("CRT-01")
async def test_all_six_judge_in_the_order_of_priority() -> None:
    """One opinion each, rights first."""
    opinions = await panel().review(CASE)

    assert [opinion.judgement.critic for opinion in opinions] == list(SCORERS)
    assert all(isinstance(opinion.judgement, Evaluation) for opinion in opinions)


@pytest.mark.spec("CRT-01")
async def test_critics_work_at_the_same_time() -> None:
    """All six are inside their detectors before the first one is let out."""
    gate = asyncio.Event()
    detectors = {name: Scripted(gate=gate) for name in SCORERS}
    review = asyncio.create_task(panel(detectors).review(CASE))
    await asyncio.gather(*(detector.entered.wait() for detector in detectors.values()))
    gate.set()

    assert len(await review) == 6


@pytest.mark.spec("CRT-10", "T7")
@pytest.mark.parametrize(
    ("detector", "cause"),
    [
        (Scripted(error=RuntimeError("boom")), "INTERNAL"),
        (Scripted(error=unavailable("EMBEDDING_UNAVAILABLE", "gone")), "EMBEDDING_UNAVAILABLE"),
        (Scripted(gate=asyncio.Event()), "DEADLINE_EXPIRED"),
    ],
    ids=["raises", "dependency gone", "over budget"],
)
async def test_a_critic_that_fails_is_absent_and_the_others_stand(detector: Scripted, cause: str) -> None:
    """It has no severity at all, and no peer is disturbed."""
    opinions = await panel({CriticName.RIGHTS: detector}, budget_s=0.05).review(CASE)
    rights, *others = (opinion.judgement for opinion in opinions)

    assert isinstance(rights, Unavailable)
    assert rights.cause == cause
    assert not hasattr(rights, "severity_0_3")
    assert all(isinstance(judgement, Evaluation) for judgement in others)


@pytest.mark.spec("CRT-03")
async def test_a_detector_that_claims_a_foreign_clause_makes_its_critic_absent() -> None:
    """A spoofed signal is not repaired, not passed on, and not taken for silence."""
    claim = Finding(
        rule_id="x", category="c", description="d.", side=Side.OUTPUT, span=Span(0, 1), weight=0.1, clause_id="F1"
    )
    opinions = await panel({CriticName.RISK: Scripted(findings=(claim,))}).review(CASE)
    judgement = opinions[4].judgement

    assert isinstance(judgement, Unavailable)
    assert judgement.cause == "SIGNAL_INVALID"


@pytest.mark.spec("CRT-04")
async def test_every_detector_is_shown_the_same_material_and_nothing_else() -> None:
    """What a detector receives is the case itself."""
    detectors = {name: Scripted() for name in SCORERS}
    await panel(detectors).review(CASE)

    assert all(detector.seen == [CASE] for detector in detectors.values())


@pytest.mark.spec("T32")
async def test_no_critic_is_left_out_because_of_what_another_found() -> None:
    """Every critic always runs, whatever rights says."""
    finding = Finding(rule_id="x", category="c", description="d.", side=Side.OUTPUT, span=Span(0, 1), weight=1.0)
    opinions = await panel({CriticName.RIGHTS: Scripted(findings=(finding,))}).review(CASE)

    assert len(opinions) == 6


async def test_two_detectors_of_one_critic_add_up() -> None:
    """A later detector slots in beside the rules; both versions are named."""
    mandate = MANDATES[CriticName.RISK]
    found = Finding(rule_id="m", category="model", description="d.", side=Side.OUTPUT, span=Span(0, 1), weight=0.5)
    seat = Seat(mandate=mandate, detectors=(RuleDetector(mandate), Scripted(findings=(found,))))
    (opinion,) = await Panel([seat], SystemClock(), budget_s=1).review(CASE)

    assert isinstance(opinion.judgement, Evaluation)
    assert opinion.judgement.severity_0_3 == pytest.approx(1.5)
    assert opinion.version == "risk@1+scripted@1"


async def test_a_long_text_is_judged_off_the_event_loop_with_the_same_result() -> None:
    """The thread changes nothing but who waits."""
    mandate = MANDATES[CriticName.FAIRNESS]
    case = Material(input="", output="Reject all women. " * INLINE_CHARS)

    assert await RuleDetector(mandate).detect(case) == mandate.detect(case)
