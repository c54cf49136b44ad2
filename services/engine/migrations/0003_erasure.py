"""Let a person's content go: whom a decision is about, what was erased, and erasures on their way to every owner.

What decisions were about before stands in their bodies; it is read there once.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from magistrate.engine.v1.engine_pb2 import Decision

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 500
_ERASURE = """
    create table engine.erasure (
        tenant       text        not null,
        erasure_id   text        not null collate "C",
        subject_id   text        not null,
        legal_basis  text        not null,
        requested_at timestamptz not null default now(),
        origin       text        not null default '',
        index        bigint      not null default 0,
        leaf         bytea       not null default '',
        confirmed    jsonb       not null default '{}',
        decision_ids text[]      not null default '{}',
        due_at       timestamptz not null,
        done_at      timestamptz,
        primary key (tenant, erasure_id)
    )
"""
_STATEMENTS = (
    "alter table engine.decision add column subject_id text not null default '', add column erased_at timestamptz",
    "create index decision_subject on engine.decision (tenant, subject_id) where subject_id <> ''",
    _ERASURE,
    "create index erasure_due on engine.erasure (due_at) where done_at is null",
    "grant select, insert, update, delete on engine.erasure to engine",
    # Only what an erasure blanks may change; a decision is never rewritten otherwise.
    "grant update (body, question_digest, subject_id, erased_at) on engine.decision to engine",
)


def upgrade() -> None:
    """Add the columns and the table, and note whom each decision is about."""
    for statement in _STATEMENTS:
        op.execute(statement)
    connection = op.get_bind()
    note = sa.text("update engine.decision set subject_id = :subject where tenant = :tenant and decision_id = :id")
    for tenant, identity, subject in list(_subjects(connection)):
        connection.execute(note, {"subject": subject, "tenant": tenant, "id": identity})


def downgrade() -> None:
    """Drop the columns and the table; what was erased stays erased."""
    op.execute("revoke update (body, question_digest, subject_id, erased_at) on engine.decision from engine")
    op.execute("drop table engine.erasure")
    op.execute("delete from engine.decision where erased_at is not null")
    op.execute("alter table engine.decision drop column subject_id, drop column erased_at")


def _subjects(connection: sa.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield tenant, id and person of each decision that is about one."""
    page = sa.text(
        "select tenant, decision_id, body from engine.decision where (tenant, decision_id) > (:tenant, :id)"
        " order by tenant, decision_id limit :batch"
    )
    place = {"tenant": "", "id": ""}
    while rows := connection.execute(page, {**place, "batch": BATCH}).all():
        for tenant, identity, body in rows:
            if subject := Decision.FromString(bytes(body)).question.subject_id:
                yield tenant, identity, subject
        place = {"tenant": rows[-1][0], "id": rows[-1][1]}
