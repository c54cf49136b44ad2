"""Note who asked: a decision is blanked when either the person it is about or who asked for it is erased.

Who asked for the decisions of before is not known here; they are blanked with the person that they are about.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UP = (
    "alter table engine.decision add column requester_id text not null default ''",
    "create index decision_requester on engine.decision (tenant, requester_id) where requester_id <> ''",
    "grant update (requester_id) on engine.decision to engine",
)


def upgrade() -> None:
    """Add the column."""
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    """Drop the column; what was erased stays erased."""
    op.execute("revoke update (requester_id) on engine.decision from engine")
    op.execute("alter table engine.decision drop column requester_id")
