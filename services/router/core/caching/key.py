"""Under which name the answer to a call is kept: the same name only where the same answer would do."""

import hashlib
from dataclasses import dataclass, fields

from services.router.core.caching import digest
from services.router.core.plan import Plan
from services.router.core.request import Request

VERSION = "1"
"""Counts up when an entry's form or the material of its name changes: old entries are then never read."""
_WITHOUT_EFFECT = frozenset({"roles", "cache_use", "streamed", "intent_key"})
"""Fields of a request that change no answer. Every other field is in the name, also one that is added later."""
_IN_THE_PROMPT = frozenset({"query", "context", "additional_context"})
_NAMED = tuple(field.name for field in fields(Request) if field.name not in _WITHOUT_EFFECT | _IN_THE_PROMPT)
_HASH = digest.fastest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The place of an answer, and the proof that what lies there is it. Holds no text of anybody."""

    tenant: str
    name: str
    """128 bits, hexadecimal."""
    proof: str
    """SHA-256 of the same material, hexadecimal."""


def of_call(tenant: str, request: Request, plan: Plan, epoch: int, *, lasting: bool) -> Key:
    """Return the key of ``request`` under ``plan`` since the tenant's last invalidation, ``epoch``.

    Calls whose answers are not ``lasting`` have keys of their own: none of them may find what is kept for longer.
    """
    kind = "lasting" if lasting else "passing"
    prompt = (plan.prompt.system, plan.prompt.user)
    return _key(tenant, digest.joined((kind, *_circumstances(request, plan, epoch), *prompt)))


def of_scope(tenant: str, request: Request, plan: Plan, epoch: int) -> Key:
    """Return the key of all calls that differ from this one in the words of the question alone.

    The question is left out of the prompt; what else fills it (the context, the notes) stands for itself.
    """
    surroundings = (plan.prompt.system, plan.template.user, request.context, request.additional_context)
    return _key(tenant, digest.joined(("scope", *_circumstances(request, plan, epoch), *surroundings)))


def _circumstances(request: Request, plan: Plan, epoch: int) -> tuple[str, ...]:
    asked = (f"{name}={getattr(request, name)!r}" for name in _NAMED)
    asked_in_turn = (f"{model.provider}/{model.name}" for model in plan.models)
    asked_together = (f"{seat.model.provider}/{seat.model.name}" for seat in plan.seats)
    order = f"{'|'.join(asked_in_turn)} {'|'.join(asked_together)}"
    limits = f"{plan.output_tokens} {plan.temperature!r}"
    return (VERSION, str(epoch), plan.template.sha256, order, limits, *asked)


def _key(tenant: str, material: bytes) -> Key:
    whole = digest.joined((tenant,)) + material
    return Key(tenant=tenant, name=_HASH(whole), proof=hashlib.sha256(whole).hexdigest())
