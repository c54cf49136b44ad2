"""Short ways to a sealed evaluation."""

from datetime import UTC, datetime

from services.critic.core.critics import MANDATES
from services.critic.core.evaluation import Evaluation
from services.critic.core.material import Material
from services.critic.core.sealing import seal
from services.critic.core.vocabulary import CriticName

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def judge(critic: CriticName | str, material: Material) -> Evaluation:
    """Return what one critic's own rules say of a case."""
    mandate = MANDATES[CriticName(critic)]
    return seal(mandate, material, mandate.detect(material), NOON)


def judge_output(critic: CriticName | str, output: str, *, question: str = "", context: str = "") -> Evaluation:
    """Return what one critic says of an answer."""
    return judge(critic, Material(input=question, output=output, context=context))
