"""Give each log's bodies a table of their own, which its end of retention drops; the log itself stays for ever.

The service makes and drops such tables only through two functions of the owner, which hold to the rules.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = """
    log        bigint  not null,
    seq        bigint  not null,
    sealed     bytea   not null,
    subject_id text    not null default '',
    dek        bytea,
    personal   boolean not null default false,
    primary key (log, seq)
"""
# Compression of ciphertext is lost labour.
INDEXES = """
alter table recorder.ev_body alter column sealed set storage external;
create index ev_body_personal on recorder.ev_body (dek) where personal;
create index ev_body_former on recorder.ev_body (subject_id) where subject_id <> '';
"""
FENCES = """
create trigger keep before delete or truncate on recorder.ev_body for each statement execute function recorder.forbid();
create trigger only_empty before update on recorder.ev_body for each row execute function recorder.only_empty();
revoke all on recorder.ev_body from public;
grant select, insert on recorder.ev_body to recorder;
grant update (sealed, subject_id) on recorder.ev_body to recorder;
"""

# Attaching a finished table locks out nobody; creating it as a partition would stop every writer meanwhile.
FUNCTIONS = """
create function recorder.open_bodies(new_log bigint) returns void language plpgsql as $$
declare
    part text := format('ev_body_%s', new_log);
begin
    execute format('create table recorder.%I
                    (like recorder.ev_body including defaults including indexes including storage)', part);
    execute format('alter table recorder.ev_body attach partition recorder.%I for values in (%s)', part, new_log);
    execute format('create trigger keep before delete or truncate on recorder.%I
                    for each statement execute function recorder.forbid()', part);
end $$;

create function recorder.open_log(new_origin text, new_tenant text) returns void
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

create function recorder.drop_bodies(old_log bigint) returns void
    language plpgsql security definer set search_path = recorder, pg_temp as $$
declare
    part text := format('ev_body_%s', old_log);
begin
    if not exists (select from recorder.head old join recorder.head new using (tenant)
                   where old.log = old_log and new.log > old.log) then
        raise exception 'log % is the newest of its tenant: its bodies are kept', old_log using errcode = '42501';
    end if;
    if to_regclass('recorder.' || part) is null then
        return;
    end if;
    execute format('update recorder.dek set wrapped = null, subject = null, destroyed_at = now() from recorder.%I b
                    where dek.id = b.dek and not b.personal and dek.wrapped is not null', part);
    execute format('drop table recorder.%I', part);
end $$;
revoke all on function recorder.open_bodies(bigint), recorder.open_log(text, text), recorder.drop_bodies(bigint)
    from public;
grant execute on function recorder.open_log(text, text), recorder.drop_bodies(bigint) to recorder;
revoke insert on recorder.head from recorder;
"""


def upgrade() -> None:
    """Move every body into the table of its log."""
    op.execute("alter table recorder.ev_body rename to ev_body_all")
    op.execute("drop index recorder.ev_body_personal, recorder.ev_body_former")
    op.execute("alter index recorder.ev_body_pkey rename to ev_body_all_pkey")
    op.execute(f"create table recorder.ev_body ({COLUMNS}) partition by list (log)")
    for script in (INDEXES, FENCES, FUNCTIONS):
        op.execute(script)
    op.execute("select recorder.open_bodies(log) from recorder.head")
    _move(source="ev_body_all", target="ev_body")
    op.execute("drop table recorder.ev_body_all")


def downgrade() -> None:
    """Bring the bodies that are left into one table again."""
    op.execute("alter table recorder.ev_body rename to ev_body_parts")
    op.execute("drop index recorder.ev_body_personal, recorder.ev_body_former")
    op.execute("alter index recorder.ev_body_pkey rename to ev_body_parts_pkey")
    op.execute(f"create table recorder.ev_body ({COLUMNS})")
    for script in (INDEXES, FENCES):
        op.execute(script)
    _move(source="ev_body_parts", target="ev_body")
    op.execute("drop table recorder.ev_body_parts")
    op.execute(
        "drop function recorder.open_log(text, text), recorder.open_bodies(bigint), recorder.drop_bodies(bigint)"
    )
    op.execute("grant insert on recorder.head to recorder")


def _move(*, source: str, target: str) -> None:
    columns = "log, seq, sealed, subject_id, dek, personal"
    op.execute(f"insert into recorder.{target} ({columns}) select {columns} from recorder.{source}")  # noqa: S608
