"""Give each log's records a table of their own, beside that of its bodies: no log's size weighs on another.

The table is made by the first append to the log, in its transaction, together with the log's head.
"""

from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = """
    log          bigint      not null,
    seq          bigint      not null check (seq >= 0),
    ik           text        not null,
    leaf         bytea       not null check (octet_length(leaf) = 32),
    envelope     bytea       not null check (octet_length(envelope) < 4096),
    kind         text        not null,
    decision_id  text        not null,
    content_type text        not null,
    occurred_at  timestamptz not null,
    recorded_at  timestamptz not null,
    intent       text        not null default '',
    primary key (log, seq),
    unique (log, ik)
"""
INDEXES = """
create index ev_decision on recorder.ev (decision_id, log, seq) where decision_id <> '';
create index ev_outcome on recorder.ev (intent, log) where intent <> '' and kind = 'OUTCOME';
create index ev_attributes on recorder.ev using gin (recorder.attributes(envelope)) where kind = 'DECISION';
create trigger keep before update or delete or truncate on recorder.ev
    for each statement execute function recorder.forbid();
revoke all on recorder.ev from public;
"""
NAMES = ("ev_pkey", "ev_log_ik_key", "ev_decision", "ev_outcome", "ev_attributes")

# Whoever could read or write the records before can do so afterwards.
SAME_RIGHTS = """
do $$
declare
    given record;
begin
    for given in
        select a.privilege_type, pg_get_userbyid(a.grantee) as grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'recorder.ev_former'::regclass and a.grantee <> c.relowner
    loop
        execute format('grant %s on recorder.ev to %I', given.privilege_type, given.grantee);
    end loop;
end $$;
"""

# Attaching a finished table locks out nobody; creating it as a partition would stop every writer meanwhile.
FUNCTIONS = """
create function recorder.open_records(new_log bigint) returns void language plpgsql as $$
declare
    part text := format('ev_%s', new_log);
begin
    execute format('create table recorder.%I
                    (like recorder.ev including defaults including constraints including indexes)', part);
    execute format('alter table recorder.ev attach partition recorder.%I for values in (%s)', part, new_log);
    execute format('create trigger keep before update or delete or truncate on recorder.%I
                    for each statement execute function recorder.forbid()', part);
end $$;
revoke all on function recorder.open_records(bigint) from public;

create or replace function recorder.open_log(new_origin text, new_tenant text) returns void
    language plpgsql security definer set search_path = recorder, pg_temp as $$
declare
    new_log bigint;
begin
    insert into recorder.head (origin, tenant) values (new_origin, new_tenant)
    on conflict (origin) do nothing returning log into new_log;
    if new_log is not null then
        perform recorder.open_records(new_log);
        perform recorder.open_bodies(new_log);
    end if;
end $$;

create function recorder.erasure(of_log bigint, of_seq bigint)
    returns table (log bigint, seq bigint, leaf bytea, envelope bytea, origin text)
    language plpgsql stable strict as $$
begin
    return query
    select e.log, e.seq, e.leaf, e.envelope, h.origin
    from recorder.ev e, recorder.head h where e.log = of_log and e.seq = of_seq and h.log = of_log;
end $$;
revoke all on function recorder.erasure(bigint, bigint) from public;
grant execute on function recorder.erasure(bigint, bigint) to recorder;
"""

FORMER_FUNCTIONS = """
create or replace function recorder.open_log(new_origin text, new_tenant text) returns void
    language plpgsql security definer set search_path = recorder, pg_temp as $$
declare
    new_log bigint;
begin
    insert into recorder.head (origin, tenant) values (new_origin, new_tenant)
    on conflict (origin) do nothing returning log into new_log;
    if new_log is not null then
        perform recorder.open_bodies(new_log);
    end if;
end $$;
drop function recorder.open_records(bigint), recorder.erasure(bigint, bigint);
"""


def upgrade() -> None:
    """Move every record into the table of its log."""
    _set_aside()
    op.execute(f"create table recorder.ev ({COLUMNS}) partition by list (log)")
    for script in (INDEXES, SAME_RIGHTS, FUNCTIONS):
        op.execute(script)
    op.execute("select recorder.open_records(log) from recorder.head")
    _move()


def downgrade() -> None:
    """Bring all records into one table again."""
    _set_aside()
    op.execute(f"create table recorder.ev ({COLUMNS})")
    for script in (INDEXES, SAME_RIGHTS, FORMER_FUNCTIONS):
        op.execute(script)
    _move()


def _set_aside() -> None:
    """Rename the table and what has its name."""
    op.execute("alter table recorder.ev rename to ev_former")
    for name in NAMES:
        op.execute(f"alter index recorder.{name} rename to {name}_former")


def _move() -> None:
    columns = "log, seq, ik, leaf, envelope, kind, decision_id, content_type, occurred_at, recorded_at, intent"
    op.execute(f"insert into recorder.ev ({columns}) select {columns} from recorder.ev_former")  # noqa: S608
    op.execute("drop table recorder.ev_former")
