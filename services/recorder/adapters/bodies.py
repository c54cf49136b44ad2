"""How a body and what became of it are read, the same in every query."""

import asyncpg

from services.recorder.core.custody import Body, BodyState, Erasure, WrappedKey, state_of
from services.recorder.core.envelope import attributes
from services.recorder.core.erasure import BASIS

BODY = """b.sealed, b.dek, k.id as dek_known, k.tenant_key, k.wrapped, k.subject, k.requester,
  x.seq as erased_seq, x.leaf as erased_leaf, x.envelope as erased_envelope, x.origin as erased_origin"""
# A function, not a join with all logs: only what was erased has such a record, and only its log is then looked at.
BODY_TABLES = """
left join ev_body b on b.log = e.log and b.seq = e.seq
left join dek k on k.id = b.dek
left join lateral erasure(k.erased_log, k.erased_seq) x on true"""
"""Joins for a query whose records are called ``e``."""


def body_of(row: asyncpg.Record) -> Body:
    """Return the body that a row with the columns of ``BODY`` describes."""
    sealed, id_, wrapped = row["sealed"], row["dek"], row["wrapped"]
    state = state_of(sealed=sealed, key_id=id_, known=row["dek_known"] is not None, wrapped=wrapped)
    key = None
    if id_ is not None and wrapped is not None:
        tags = {"subject": row["subject"] or b"", "requester": row["requester"] or b""}
        key = WrappedKey(id=id_, tenant_key=row["tenant_key"], wrapped=wrapped, **tags)
    return Body(sealed=sealed, key=key, state=state, erasure=_erasure(row) if state is BodyState.ERASED else None)


def _erasure(row: asyncpg.Record) -> Erasure | None:
    if row["erased_seq"] is None:
        return None
    return Erasure(
        origin=row["erased_origin"],
        index=row["erased_seq"],
        leaf=row["erased_leaf"],
        basis=attributes(row["erased_envelope"]).get(BASIS, ""),
    )
