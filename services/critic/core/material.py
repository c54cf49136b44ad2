"""What a critic may see, and how it points at a place in it."""

from dataclasses import dataclass

from services.critic.core.vocabulary import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that a critic is shown. There is no field for a peer's opinion, and there must never be (spec 2.5)."""

    input: str
    output: str
    context: str = ""
    """The declared context: what the model was told to rely on."""
    domain: str = ""
    """The declared field of use, such as ``lending``; empty when undeclared."""

    def text(self, side: Side) -> str:
        """Return the text that ``side`` names."""
        return self.input if side is Side.INPUT else self.output


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of Unicode code points in one text."""

    start: int
    end: int
