"""The name of a call: equal only where the same answer would do."""

import importlib
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.caching import digest, key
from services.router.core.caching.key import Key
from services.router.core.catalogue import Model
from services.router.core.plan import Plan
from services.router.core.request import CacheUse, Domain, Request, Task
from tests.unit.router.requests import asking, planned

BASE, PLAN = asking(), planned()


def named(request: Request = BASE, plan: Plan = PLAN, *, tenant: str = "acme", epoch: int = 1) -> Key:
    """Return the key of a call."""
    return key.of_call(tenant, request, plan, epoch, lasting=True)


def _renamed(model: Model) -> Model:
    return replace(model, name="another")


DIFFERENT = {
    "tenant": named(tenant="other"),
    "epoch": named(epoch=2),
    "prompt": named(plan=replace(PLAN, prompt=replace(PLAN.prompt, user="Who?"))),
    "system": named(plan=replace(PLAN, prompt=replace(PLAN.prompt, system="Be brief."))),
    "template": named(plan=replace(PLAN, template=replace(PLAN.template, sha256="0" * 64))),
    "order": named(plan=replace(PLAN, models=PLAN.models[::-1])),
    "fewer providers": named(plan=replace(PLAN, models=PLAN.models[:1])),
    "model": named(plan=replace(PLAN, models=(_renamed(PLAN.models[0]), *PLAN.models[1:]))),
    "output cap": named(plan=replace(PLAN, output_tokens=PLAN.output_tokens + 1)),
    "temperature": named(plan=replace(PLAN, temperature=PLAN.temperature + 0.1)),
    "domain": named(replace(BASE, domain=Domain.MARKET)),
    "task": named(replace(BASE, task=Task.REASONING)),
    "passing": key.of_call("acme", BASE, PLAN, 1, lasting=False),
    "scope": key.of_scope("acme", BASE, PLAN, 1),
}


@pytest.mark.spec("T38", "T25", "CCH-13", "RTR-18")
@pytest.mark.parametrize("what", DIFFERENT)
def test_whatever_may_change_the_answer_changes_the_name(what: str) -> None:
    """Another tenant, prompt, order, model, limit, template or epoch never finds the answer; the proof differs too."""
    assert DIFFERENT[what].name != named().name
    assert DIFFERENT[what].proof != named().proof


def test_who_asks_and_how_does_not_change_the_name() -> None:
    """Roles, the wish about caches and the evidence of a call are no part of what is answered."""
    assert named(replace(BASE, roles=("admin",), cache_use=CacheUse.EXACT, intent_key="d-1/run-1")) == named()


def test_every_field_of_a_request_is_in_the_name_unless_it_is_declared_harmless() -> None:
    """A field that is added later splits names until somebody says that it has no effect."""
    fields = {"domain", "task", "max_output_tokens", "temperature", "strategy", "model"}

    assert fields <= set(key._NAMED)
    assert set(Request.__dataclass_fields__) - set(key._NAMED) <= key._WITHOUT_EFFECT | key._IN_THE_PROMPT


@pytest.mark.spec("CCH-13")
def test_a_key_holds_no_text_of_anybody() -> None:
    """Only the tenant's name and digests of fixed length."""
    kept = named(replace(BASE, query="my secret"), replace(PLAN, prompt=replace(PLAN.prompt, user="my secret")))

    assert (kept.tenant, len(kept.name), len(kept.proof)) == ("acme", 32, 64)
    assert "secret" not in repr(kept)


def test_a_scope_is_the_same_for_other_words_of_the_question_only() -> None:
    """The question may differ, the context or the notes may not."""
    scope = key.of_scope("acme", BASE, PLAN, 1)

    asked = planned(query="And sick leave?")
    assert key.of_scope("acme", replace(BASE, query="And sick leave?"), asked, 1) == scope
    assert key.of_scope("acme", replace(BASE, context="25 days"), PLAN, 1) != scope
    assert key.of_scope("acme", replace(BASE, additional_context="I am new"), PLAN, 1) != scope


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_joined_parts_are_unambiguous(one: list[str], other: list[str]) -> None:
    """Text cannot move over the border of two parts unseen."""
    assert (digest.joined(one) == digest.joined(other)) == (one == other)


@pytest.mark.spec("CCH-02", "T38")
def test_without_xxhash_sha256_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are of the same form and tell the same things apart, only by another hash."""
    fast = digest.fastest()
    monkeypatch.setitem(sys.modules, "xxhash", None)
    try:
        stand_in = importlib.reload(digest).fastest()
        assert stand_in.__name__ == "sha256_128"
    finally:
        monkeypatch.undo()
        importlib.reload(digest)
    for hashed in (fast, stand_in):
        assert len(hashed(b"a")) == len(hashed(b"b")) == 32
        assert hashed(b"a") == hashed(b"a") != hashed(b"b")
    assert fast(b"a") != stand_in(b"a")
