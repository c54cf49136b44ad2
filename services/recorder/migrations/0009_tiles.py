"""Give the server of tiles a role that reads what may be published of a log, and nothing else."""

from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

GRANTS = """
grant usage on schema recorder to tiles;
grant select (log, origin, tenant) on recorder.head to tiles;
grant select (log, seq, leaf, envelope) on recorder.ev to tiles;
grant select on recorder.node to tiles;
grant select (log, size, note) on recorder.checkpoint to tiles;
"""
DOWN = """
revoke all on recorder.head, recorder.ev, recorder.node, recorder.checkpoint from tiles;
revoke usage on schema recorder from tiles;
"""


def upgrade() -> None:
    """Let the tiles be read."""
    op.execute(GRANTS)


def downgrade() -> None:
    """Let nobody read them but the recorder and the publisher."""
    op.execute(DOWN)
