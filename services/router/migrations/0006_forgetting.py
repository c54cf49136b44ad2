"""Let a user's history be forgotten."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Grant the service's role to remove a row of it."""
    op.execute("grant delete on router.user_history to router")


def downgrade() -> None:
    """Take it back."""
    op.execute("revoke delete on router.user_history from router")
