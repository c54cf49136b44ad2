"""The six scoring critics. Each module is one critic; none imports another."""

from collections.abc import Mapping

from services.critic.core.critics import autonomy, fairness, operations, rights, risk, truth
from services.critic.core.mandate import Mandate
from services.critic.core.vocabulary import CriticName

MANDATES: Mapping[CriticName, Mandate] = {
    mandate.name: mandate
    for mandate in (
        rights.MANDATE,
        autonomy.MANDATE,
        fairness.MANDATE,
        truth.MANDATE,
        risk.MANDATE,
        operations.MANDATE,
    )
}
"""Every scoring critic, in lexicographic priority."""

__all__ = ["MANDATES"]
