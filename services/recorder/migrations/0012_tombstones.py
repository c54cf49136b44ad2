"""Remember who was erased, when: what was about them before and is delivered later loses its content on the way in.

A data key is also found by who asked, where that is another person than the content is about. The keys that people are
found by outlive the body key that they were derived from, wrapped by the one that followed it.
"""

from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
create table recorder.tombstone (
    tag       bytea       primary key,
    tenant    text        not null,
    erased_at timestamptz not null,
    reference text        not null
);
create table recorder.index_key (
    id      text  primary key,
    master  text  not null,
    wrapped bytea not null
);
alter table recorder.dek add column requester bytea, add check (wrapped is not null or requester is null);
create index dek_requester on recorder.dek (requester) where requester is not null;
"""

FENCES = """
create function recorder.only_later() returns trigger language plpgsql as $$
begin
    if new.erased_at < old.erased_at or (new.tag, new.tenant) is distinct from (old.tag, old.tenant) then
        raise exception 'an erasure is never taken back' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger only_later before update on recorder.tombstone for each row execute function recorder.only_later();
create trigger keep before delete or truncate on recorder.tombstone
    for each statement execute function recorder.forbid();
create trigger keep before delete or truncate on recorder.index_key
    for each statement execute function recorder.forbid();
alter table recorder.tombstone enable row level security;
create policy tenant on recorder.tombstone to recorder
    using (tenant = current_setting('magistrate.tenant', true));
"""

GRANTS = """
revoke all on recorder.tombstone, recorder.index_key from public;
grant select, insert on recorder.tombstone, recorder.index_key to recorder;
grant update (erased_at, reference) on recorder.tombstone to recorder;
grant update (master, wrapped) on recorder.index_key to recorder;
grant update (requester) on recorder.dek to recorder;
"""

DOWN = """
revoke update (requester) on recorder.dek from recorder;
alter table recorder.dek drop column requester;
drop table recorder.tombstone, recorder.index_key;
drop function recorder.only_later();
"""


def upgrade() -> None:
    """Create the tables and their fences."""
    for script in (TABLES, FENCES, GRANTS):
        op.execute(script)


def downgrade() -> None:
    """Forget who was erased; what was erased stays erased."""
    op.execute(DOWN)
