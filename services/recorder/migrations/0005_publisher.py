"""Let the publisher, and nobody else, store checkpoints, each on top of the one before; keep what it found wrong.

The recorder can no longer sign, and the publisher can read no content: it sees ciphertext, and no key of it.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# One checkpoint follows one: of two publishers that both build upon the last, the second one's insert fails.
TABLES = """
alter table recorder.checkpoint add column previous bigint check (previous < size);
create unique index checkpoint_chain on recorder.checkpoint (log, previous);

create table recorder.finding (
    log       bigint      primary key,
    first_bad bigint      not null check (first_bad >= 0),
    problem   text        not null,
    found_at  timestamptz not null
);
create trigger keep before update or delete or truncate on recorder.finding
    for each statement execute function recorder.forbid();
"""

GRANTS = """
revoke insert on recorder.checkpoint from recorder;
revoke all on recorder.finding from public;
grant select on recorder.finding to recorder;
grant usage on schema recorder to publisher;
grant select on recorder.head, recorder.ev, recorder.ev_body, recorder.node, recorder.checkpoint, recorder.finding
    to publisher;
grant select (id, destroyed_at, erased_log, erased_seq) on recorder.dek to publisher;
grant insert on recorder.checkpoint, recorder.finding to publisher;
"""

DOWN = """
revoke all on recorder.head, recorder.ev, recorder.ev_body, recorder.node, recorder.checkpoint from publisher;
revoke select (id, destroyed_at, erased_log, erased_seq) on recorder.dek from publisher;
revoke usage on schema recorder from publisher;
grant insert on recorder.checkpoint to recorder;
drop table recorder.finding;
drop index recorder.checkpoint_chain;
alter table recorder.checkpoint drop column previous;
"""


def upgrade() -> None:
    """Chain the checkpoints and give the publisher its few rights."""
    for script in (TABLES, GRANTS):
        op.execute(script)


def downgrade() -> None:
    """Let the recorder store checkpoints again; what was found wrong is forgotten."""
    op.execute(DOWN)
