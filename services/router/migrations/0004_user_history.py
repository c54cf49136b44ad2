"""Create the history of users: how many of a user's latest answers were good enough."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_HISTORY = """
    create table router.user_history (
        tenant  text    not null,
        subject text    not null,
        good    integer not null check (good between 0 and answers),
        answers integer not null check (answers > 0),
        primary key (tenant, subject)
    ) with (fillfactor = 50)
"""
_STATEMENTS = (
    _HISTORY,
    "grant select, insert, update on router.user_history to router",
)


def upgrade() -> None:
    """Create the table and grant the service's role what it needs and no more."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the table; what was learned of users is lost, nothing else depends on it."""
    op.execute("drop table router.user_history")
