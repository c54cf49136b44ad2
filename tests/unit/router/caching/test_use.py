"""What a call may do with the caches."""

from dataclasses import replace

import pytest

from services.router.core.caching.epoch import Scope, merged, reaching
from services.router.core.caching.use import Uses, uses
from services.router.core.request import CacheUse, Domain, Task
from tests.unit.router.requests import planned

COLD = replace(planned(), temperature=0.0)
WARM = replace(planned(), temperature=0.7)
NOTHING = Uses(shares=False, reads=False, writes=False, means=False)
SHARES = replace(NOTHING, shares=True)
EXACT = replace(SHARES, reads=True, writes=True)


@pytest.mark.spec("RTR-18", "CCH-08")
@pytest.mark.parametrize(
    ("asked", "default", "temperature", "expected"),
    [
        (None, CacheUse.EXACT, 0.0, EXACT),
        (None, CacheUse.EXACT, 0.7, SHARES),
        (CacheUse.EXACT, CacheUse.BYPASS, 0.7, EXACT),
        (CacheUse.SEMANTIC, CacheUse.EXACT, 0.7, replace(EXACT, means=True)),
        (None, CacheUse.SEMANTIC, 0.0, replace(EXACT, means=True)),
        (None, CacheUse.SEMANTIC, 0.7, SHARES),
        (CacheUse.REFRESH, CacheUse.EXACT, 0.0, replace(NOTHING, writes=True)),
        (CacheUse.BYPASS, CacheUse.EXACT, 0.0, NOTHING),
        (None, CacheUse.BYPASS, 0.0, NOTHING),
    ],
)
def test_uses(asked: CacheUse | None, default: CacheUse, temperature: float, expected: Uses) -> None:
    """Without a wish only what is meant to come out the same is kept; a wish counts whatever the temperature."""
    assert uses(asked, default, replace(COLD, temperature=temperature)) == expected


def test_an_invalidation_reaches_its_scope_and_no_other() -> None:
    """All, a domain, a task, or both; the latest that reaches an answer counts."""
    marks = {Scope(domain=Domain.MARKET): 3, Scope(task=Task.REASONING): 5, Scope(): 1}

    assert reaching({}, Domain.MARKET, Task.ANALYSIS) == 0
    assert reaching(marks, Domain.GENERAL, Task.ANALYSIS) == 1
    assert reaching(marks, Domain.MARKET, Task.ANALYSIS) == 3
    assert reaching(marks, Domain.MARKET, Task.REASONING) == 5


def test_marks_never_go_back() -> None:
    """A word that comes late, or a reading that began before it, changes nothing that is later."""
    assert merged({Scope(): 4}, {Scope(): 3, Scope(task=Task.ANALYSIS): 2}) == {
        Scope(): 4,
        Scope(task=Task.ANALYSIS): 2,
    }
