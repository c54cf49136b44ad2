"""Bind intent, attempt and outcome to each other, list what is still open, and find records by their attributes."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What is open is no evidence but a list made from it, so it may shrink: small, however long the log.
TABLES = """
alter table recorder.ev add column intent text not null default '';
create index ev_outcome on recorder.ev (intent, log) where intent <> '' and kind = 'OUTCOME';

create table recorder.obligation (
    tenant    text        not null,
    ik        text        not null,
    log       bigint      not null,
    seq       bigint      not null,
    opened_at timestamptz not null,
    primary key (tenant, ik)
);
create index obligation_age on recorder.obligation (opened_at);
grant select, insert, delete on recorder.obligation to recorder;
"""

# JSON may hold a zero character, which jsonb cannot: such a record is found by everything but its attributes.
SEARCH = """
create function recorder.attributes(envelope bytea) returns jsonb
    language plpgsql immutable strict parallel safe as $$
begin
    return convert_from(envelope, 'UTF8')::jsonb -> 'attributes';
exception when others then
    return '{}';
end $$;
create index ev_attributes on recorder.ev using gin (recorder.attributes(envelope)) where kind = 'DECISION';
"""


def upgrade() -> None:
    """Add the link, the list of what is open, and the search."""
    for script in (TABLES, SEARCH):
        op.execute(script)


def downgrade() -> None:
    """Remove them; the envelopes keep the links."""
    op.execute("drop index recorder.ev_attributes")
    op.execute("drop function recorder.attributes(bytea)")
    op.execute("drop table recorder.obligation")
    op.execute("alter table recorder.ev drop column intent")
