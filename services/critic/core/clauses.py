"""The 22 doctrine clauses: who may raise each, how binding it is, and what it says (spec 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.critic.core.vocabulary import Charter, CriticName, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause of the doctrine."""

    clause_id: str
    charter: Charter
    tier: Tier
    owner: CriticName
    """The only one who may raise it."""
    description: str

    @property
    def blocking(self) -> bool:
        """Whether nothing goes on before a person has decided."""
        return self.tier is Tier.DETERMINE

    @property
    def doctrine_ref(self) -> str:
        """Where the clause stands in the doctrine."""
        return f"{self.charter.value}/{self.clause_id}"


def _charter(charter: Charter, owner: CriticName, *rows: tuple[str, Tier, str]) -> tuple[Clause, ...]:
    return tuple(
        Clause(clause_id=clause_id, charter=charter, tier=tier, owner=owner, description=description)
        for clause_id, tier, description in rows
    )


_ACK, _DET = Tier.ACKNOWLEDGE, Tier.DETERMINE

CLAUSES: tuple[Clause, ...] = (
    *_charter(
        Charter.AUTONOMY,
        CriticName.AUTONOMY,
        ("A1", _ACK, "A person is materially affected and had no fair chance to agree or refuse knowingly and freely."),
        ("A2", _DET, "Pressure, deception or one-sided knowledge bends a choice that should be free."),
        ("A3", _DET, "A person's later choices are taken away in a way that cannot be reversed."),
    ),
    *_charter(
        Charter.DIGNITY,
        CriticName.RIGHTS,
        ("D1", _ACK, "People are handled chiefly as a means to somebody else's end."),
        ("D2", _DET, "The result humiliates, brands or dehumanises a person or a group."),
        ("D3", _ACK, "The burden falls on people who had no voice in the matter."),
    ),
    *_charter(
        Charter.PRIVACY_IDENTITY,
        CriticName.RIGHTS,
        ("P1", _DET, "Identity or a sensitive trait is guessed about someone who did not agree to it."),
        ("P2", _DET, "A person's identity is kept or joined together over sessions, services or domains."),
        ("P3", _ACK, "Data moves into a setting in which the person would not expect it."),
        ("P4", _ACK, "Data is put to a wider use than was permitted, and nobody asked again."),
    ),
    *_charter(
        Charter.FAIRNESS,
        CriticName.FAIRNESS,
        ("F1", _DET, "A protected class gets different treatment or a different outcome."),
        ("F2", _ACK, "The design feeds on its own results and widens an inequity that is already there."),
        ("F3", _ACK, "A difference that matters cannot be explained to the people it affects."),
    ),
    *_charter(
        Charter.DUE_PROCESS,
        CriticName.OPERATIONS,
        ("DP1", _DET, "There is no real way to contest the decision or to appeal."),
        ("DP2", _DET, "No accountable person or body can be named."),
        ("DP3", _ACK, "The decision could not be rebuilt or explained afterwards."),
    ),
    *_charter(
        Charter.PRECEDENT,
        CriticName.PRECEDENT,
        ("PR1", _DET, "The impact is high and nothing comparable has been decided before."),
        ("PR2", _ACK, "Earlier decisions that apply here disagree in substance."),
        ("PR3", _DET, "Acting would lay down a norm that nobody had the authority to set."),
    ),
    *_charter(
        Charter.UNCERTAINTY,
        CriticName.UNCERTAINTY,
        ("U1", _ACK, "Something that the judgement needs to know is missing."),
        ("U2", _DET, "The impact is high and so is the uncertainty."),
        ("U3", _DET, "The case lies outside what the system has been shown to be competent for."),
    ),
)
"""Every clause, in charter order: 10 of tier 2 and 12 of tier 3."""

BY_ID: Mapping[str, Clause] = {clause.clause_id: clause for clause in CLAUSES}
