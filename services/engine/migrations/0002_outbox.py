"""What other services must hear of a decision, written with it and gone once it was heard."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OUTBOX = """
    create table engine.outbox (
        letter_id text        not null primary key,
        tenant    text        not null,
        subject   text        not null default '',
        body      bytea       not null,
        attempts  integer     not null default 0,
        due_at    timestamptz not null default now()
    )
"""
_STATEMENTS = (
    _OUTBOX,
    "create index outbox_due on engine.outbox (due_at)",
    "grant select, insert, update, delete on engine.outbox to engine",
)


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop it with every letter that was not delivered."""
    op.execute("drop table engine.outbox")
