"""Give the server of tiles a role that reads what may be published of a log, and nothing else."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

GRANTS = """
grant usage on schema recorder to tiles;
grant select (log, origin, tenant) on recorder.head to tiles;
grant select (log, seq, leaf, envelope) on recorder.ev to tiles;
grant select on recorder.node to tiles;
grant select (log, size, note) on recorder.checkpoint to tiles;
"""
# Which logs there are must be known to find one by its name; what is in them is seen of one tenant at a time.
POLICIES = """
create policy tiles on recorder.head to tiles using (true);
create policy tiles on recorder.checkpoint to tiles using (true);
create policy tiles on recorder.ev to tiles
    using (log in (select log from recorder.head where tenant = current_setting('magistrate.tenant', true)));
create policy tiles on recorder.node to tiles
    using (log in (select log from recorder.head where tenant = current_setting('magistrate.tenant', true)));
"""
DOWN = """
drop policy tiles on recorder.head;
drop policy tiles on recorder.checkpoint;
drop policy tiles on recorder.ev;
drop policy tiles on recorder.node;
revoke all on recorder.head, recorder.ev, recorder.node, recorder.checkpoint from tiles;
revoke usage on schema recorder from tiles;
"""


def upgrade() -> None:
    """Let the tiles be read."""
    for script in (GRANTS, POLICIES):
        op.execute(script)


def downgrade() -> None:
    """Let nobody read them but the recorder and the publisher."""
    op.execute(DOWN)
