"""Decisions as they were released. The evidence log is the proof; this table serves those who ask again."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_DECISION = """
    create table engine.decision (
        tenant           text        not null,
        decision_id      text        not null collate "C",
        created_at       timestamptz not null,
        question_digest  bytea       not null,
        verdict          smallint    not null check (verdict between 1 and 5),
        domain           smallint    not null,
        body             bytea       not null,
        primary key (tenant, decision_id)
    )
"""
_NEWEST = "create index decision_newest on engine.decision (tenant, created_at desc, decision_id desc)"
_GRANTS = ("grant usage on schema engine to engine", "grant select, insert on engine.decision to engine")


def upgrade() -> None:
    """Make the table; the service may read and add, never change or remove."""
    for statement in (_DECISION, _NEWEST, *_GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Drop the table."""
    op.execute("drop table engine.decision")
    op.execute("revoke usage on schema engine from engine")
