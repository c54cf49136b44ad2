"""The six scoring critics. Each module is one critic; none imports another."""

from collections.abc import Mapping, Sequence

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

EDITIONS: Sequence[Mandate] = (*MANDATES.values(), risk.EVEN_HANDED)
"""Every version of every critic that evidence can be judged by again; one that was in force stays here for good."""

__all__ = ["EDITIONS", "MANDATES"]
