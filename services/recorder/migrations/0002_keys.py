"""Give every person's content a data key, wrapped by a key of the tenant, so that erasure is destroying a key.

Bodies that are here already stay readable with the body key itself; erasing one of those empties it.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A data key's row has no tenant: its tenant key has one, and the tag of a person is made with the tenant's name.
TABLES = """
create table recorder.tenant_key (
    id           bigint      generated always as identity primary key,
    tenant       text        not null,
    version      int         not null check (version > 0),
    master       text        not null,
    wrapped      bytea,
    created_at   timestamptz not null default now(),
    destroyed_at timestamptz,
    unique (tenant, version),
    check ((wrapped is null) = (destroyed_at is not null))
);

create table recorder.dek (
    id           bytea       primary key check (octet_length(id) = 16),
    tenant_key   bigint      not null,
    subject      bytea,
    wrapped      bytea,
    destroyed_at timestamptz,
    erased_log   bigint,
    erased_seq   bigint,
    check ((wrapped is null) = (destroyed_at is not null)),
    check (wrapped is not null or subject is null)
);
create index dek_subject on recorder.dek (subject) where subject is not null;

alter table recorder.ev_body add column dek bytea, add column personal boolean not null default false;
alter table recorder.ev_body alter column subject_id set default '';
create index ev_body_personal on recorder.ev_body (dek) where personal;
create index ev_body_former on recorder.ev_body (subject_id) where subject_id <> '';
"""

FENCES = """
create function recorder.only_wrap_or_destroy() returns trigger language plpgsql as $$
begin
    if old.wrapped is null
        or (tg_table_name = 'dek' and new.wrapped is not null
            and to_jsonb(new) - 'wrapped' - 'tenant_key' <> to_jsonb(old) - 'wrapped' - 'tenant_key')
        or (tg_table_name = 'tenant_key' and new.wrapped is not null
            and to_jsonb(new) - 'wrapped' - 'master' <> to_jsonb(old) - 'wrapped' - 'master') then
        raise exception 'a key is wrapped anew or destroyed, and stays destroyed' using errcode = '42501';
    end if;
    return new;
end $$;

create function recorder.only_empty() returns trigger language plpgsql as $$
begin
    if new.sealed <> '' or new.subject_id <> '' or old.dek is not null
        or (new.log, new.seq, new.personal, new.dek) is distinct from (old.log, old.seq, old.personal, old.dek) then
        raise exception 'a body is emptied, never altered' using errcode = '42501';
    end if;
    return new;
end $$;

create trigger keep before delete or truncate on recorder.tenant_key
    for each statement execute function recorder.forbid();
create trigger keep before delete or truncate on recorder.dek for each statement execute function recorder.forbid();
create trigger wrap before update on recorder.tenant_key for each row execute function recorder.only_wrap_or_destroy();
create trigger wrap before update on recorder.dek for each row execute function recorder.only_wrap_or_destroy();
drop trigger keep on recorder.ev_body;
create trigger keep before delete or truncate on recorder.ev_body for each statement execute function recorder.forbid();
create trigger only_empty before update on recorder.ev_body for each row execute function recorder.only_empty();
"""

GRANTS = """
revoke all on recorder.tenant_key, recorder.dek from public;
grant select, insert on recorder.tenant_key, recorder.dek to recorder;
grant update (master, wrapped, destroyed_at) on recorder.tenant_key to recorder;
grant update (tenant_key, subject, wrapped, destroyed_at, erased_log, erased_seq) on recorder.dek to recorder;
grant update (sealed, subject_id) on recorder.ev_body to recorder;
"""

# A body without its key is no body any more.
DOWN = """
alter table recorder.ev_body disable trigger only_empty;
update recorder.ev_body set sealed = '' where dek is not null;
revoke update (sealed, subject_id) on recorder.ev_body from recorder;
drop trigger only_empty on recorder.ev_body;
drop trigger keep on recorder.ev_body;
create trigger keep before update or delete or truncate on recorder.ev_body
    for each statement execute function recorder.forbid();
drop index recorder.ev_body_personal, recorder.ev_body_former;
alter table recorder.ev_body alter column subject_id drop default, drop column dek, drop column personal;
drop table recorder.dek, recorder.tenant_key;
drop function recorder.only_empty(), recorder.only_wrap_or_destroy();
"""


def upgrade() -> None:
    """Create the keys' tables, and let bodies name their key."""
    for script in (TABLES, FENCES, GRANTS):
        op.execute(script)


def downgrade() -> None:
    """Remove the keys, and with them the content that they seal."""
    op.execute(DOWN)
