"""Reservations, settlements and holds as the JSON that ``router.book`` takes and gives."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import asyncpg

from services.router.adapters.ledger.batch import Json
from services.router.core.account import Attempt
from services.router.core.catalogue import UNKNOWN_CONTEXT_TOKENS, Model, Price, Tier
from services.router.core.spend.refusal import Dimension, Refusal, Scope
from services.router.core.spend.reservation import Claim, Grant, Payer, Reservation
from services.router.core.spend.settlement import Hold, Settlement

Testify = Callable[[Settlement], Mapping[str, bytes]]
"""Return the letters that tell of a settlement's tries, by id."""


def of_reservation(reservation: Reservation) -> Json:
    """Return what ``router.reserve`` takes."""
    tenant, user = reservation.ceilings.tenant, reservation.ceilings.user
    return {
        **_payer(reservation.call_id, reservation.payer),
        "started_at": reservation.started_at.isoformat(),
        "hold_s": reservation.hold.total_seconds(),
        "tries": [_claim(claim, reservation.payer.intent_key) for claim in reservation.claims],
        "tenant_micro_usd": tenant.micro_usd,
        "tenant_tokens": tenant.tokens,
        "tenant_requests": tenant.requests,
        "user_micro_usd": user.micro_usd,
        "user_tokens": user.tokens,
        "user_requests": user.requests,
    }


def of_settlement(settlement: Settlement, testify: Testify | None = None) -> Json:
    """Return what ``router.settle`` takes, with a letter for every try that is evidence."""
    letters = testify(settlement) if testify and settlement.payer.intent_key else {}
    return {
        "letters": [{"letter_id": key, "body": b64encode(body).decode()} for key, body in letters.items()],
        **_payer(settlement.call_id, settlement.payer),
        "attempts": [_attempt(attempt) for attempt in settlement.attempts],
        "open": list(settlement.open),
        "void": settlement.void,
    }


def to_answer(answer: Mapping[str, Any]) -> Grant | Refusal:
    """Return what ``router.reserve`` said."""
    refused = answer.get("refused")
    if refused is None:
        return Grant(
            providers=tuple(answer["taken"]),
            room_micro_usd=answer["room"],
            tenant_room_micro_usd=answer["tenant_room"],
            tenant_held_micro_usd=answer["tenant_held"],
        )
    return Refusal(
        scope=Scope(refused["scope"]),
        dimension=Dimension(refused["dimension"]),
        limit=refused["limit"],
        remaining=refused["remaining"],
        room_micro_usd=answer["room"],
        tenant_room_micro_usd=answer["tenant_room"],
    )


def to_hold(row: asyncpg.Record) -> Hold:
    """Return a row of ``router.hold``; each of its tries knows the intent, so that a hold outlives whoever made it."""
    tries = json.loads(row["tries"])
    return Hold(
        call_id=row["call_id"],
        payer=Payer(
            tenant=row["tenant"],
            subject=row["subject"],
            decision_id=row["decision_id"],
            day=row["day"],
            intent_key=next((entry.get("intent_key", "") for entry in tries), ""),
        ),
        claims=tuple(_to_claim(entry) for entry in tries),
        started_at=row["started_at"],
        overdue=row["overdue"],
    )


def _payer(call_id: str, payer: Payer) -> Json:
    return {
        "call_id": call_id,
        "tenant": payer.tenant,
        "subject": payer.subject,
        "decision_id": payer.decision_id,
        "day": payer.day.isoformat(),
    }


def _claim(claim: Claim, intent_key: str) -> Json:
    price = claim.model.price
    return {
        "intent_key": intent_key,
        "provider": claim.provider,
        "model": claim.model.name,
        "place": claim.place,
        "input_tokens": claim.input_tokens,
        "output_tokens": claim.output_tokens,
        "input_price": price.input_micro_usd_per_million,
        "output_price": price.output_micro_usd_per_million,
        "micro_usd": claim.micro_usd,
        "tokens": claim.tokens,
    }


def _to_claim(entry: Mapping[str, Any]) -> Claim:
    """Return a claim with the prices of its day, whatever the catalogue says now."""
    model = Model(
        name=entry["model"],
        provider=entry["provider"],
        tier=Tier.STANDARD,
        context_tokens=UNKNOWN_CONTEXT_TOKENS,
        price=Price(
            input_micro_usd_per_million=entry["input_price"], output_micro_usd_per_million=entry["output_price"]
        ),
    )
    return Claim(
        place=entry["place"],
        model=model,
        input_tokens=entry["input_tokens"],
        output_tokens=entry["output_tokens"],
    )


def _attempt(attempt: Attempt) -> Json:
    return {
        "attempt": attempt.number,
        "provider": attempt.model.provider,
        "model": attempt.model.name,
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "input_tokens": attempt.usage.input_tokens,
        "output_tokens": attempt.usage.output_tokens,
        "estimated": attempt.usage.estimated,
        "micro_usd": attempt.micro_usd,
        "started_at": attempt.started_at.isoformat(),
        "first_token_after": None if attempt.first_token_after is None else _interval(attempt.first_token_after),
        "duration": _interval(attempt.duration),
        "key_fingerprint": attempt.key_fingerprint,
    }


def _interval(span: timedelta) -> str:
    return f"{span // timedelta(microseconds=1)} microseconds"
