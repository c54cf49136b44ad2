"""Show the recorder the rows of one tenant at a time: the one that its session names in ``magistrate.tenant``.

What it must do for all tenants it asks of functions of the owner, which say no more than that takes.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OWN = ("head", "tenant_key", "obligation")
OF_LOG = ("ev", "ev_body", "node", "checkpoint", "finding")
FOR_PUBLISHER = ("head", "dek", *OF_LOG)
"""What the publisher has rights to, it sees of every tenant."""

OWN_POLICY = """
alter table recorder.{table} enable row level security;
create policy tenant on recorder.{table} to recorder
    using (tenant = current_setting('magistrate.tenant', true));
"""
# The list of a tenant's logs is short and is read once a statement.
LOG_POLICY = """
alter table recorder.{table} enable row level security;
create policy tenant on recorder.{table} to recorder using (log in (select log from recorder.head));
"""
KEY_POLICY = """
alter table recorder.dek enable row level security;
create policy tenant on recorder.dek to recorder using (tenant_key in (select id from recorder.tenant_key));
"""
PUBLISHER_POLICY = "create policy publisher on recorder.{table} to publisher using (true)"

# An index on what a function makes of a row is out of reach behind a policy, because the function might tell what it
# sees. This one tells nothing; the view shows the same rows as the policy.
SEARCH = """
grant execute on function recorder.erasure(bigint, bigint) to publisher;

create view recorder.searchable as
select * from recorder.ev
where log in (select log from recorder.head where tenant = current_setting('magistrate.tenant', true));
revoke all on recorder.searchable from public;
grant select on recorder.searchable to recorder;
"""

FUNCTIONS = """
create function recorder.overdue(before timestamptz, at_most int)
    returns table (tenant text, intent text, decision_id text, opened_at timestamptz)
    language plpgsql stable security definer set search_path = recorder, pg_temp as $$
declare
    open record;
begin
    for open in select * from recorder.obligation o where o.opened_at < before order by o.opened_at limit at_most loop
        return query select open.tenant, open.ik, e.decision_id, open.opened_at
                     from recorder.ev e where e.log = open.log and e.seq = open.seq;
    end loop;
end $$;

create function recorder.kept_logs()
    returns table (log bigint, origin text, tenant text, size bigint)
    language sql stable security definer set search_path = recorder, pg_temp as $$
    select old.log, old.origin, old.tenant, old.size from recorder.head old
    where to_regclass(format('recorder.ev_body_%s', old.log)) is not null
      and exists (select from recorder.head new where new.tenant = old.tenant and new.log > old.log
        and (split_part(new.origin, '/', 5) = '') = (split_part(old.origin, '/', 5) = ''))
    order by old.log
$$;
create function recorder.damaged_logs()
    returns table (tenant text, origin text, first_bad bigint, problem text)
    language sql stable security definer set search_path = recorder, pg_temp as $$
    select h.tenant, h.origin, f.first_bad, f.problem
    from recorder.finding f join recorder.head h using (log) order by f.log
$$;

create function recorder.open_logs()
    returns table (tenant text, origin text, stream text, note text)
    language sql stable security definer set search_path = recorder, pg_temp as $$
    select l.tenant, l.origin, l.stream, c.note
    from (select distinct on (h.tenant, h.stream) h.log, h.tenant, h.origin, h.stream
          from (select *, case split_part(origin, '/', 5) when '' then '' else split_part(origin, '/', 4) end as stream
                from recorder.head where size > 0 and tenant <> '') h
          order by h.tenant, h.stream, h.log desc) l
    join lateral (select k.note from recorder.checkpoint k where k.log = l.log order by k.size desc limit 1) c on true
$$;

create function recorder.logs_by_lot(at_most int)
    returns table (log bigint, origin text, tenant text, size bigint, frontier bytea, seq bigint)
    language sql volatile security definer set search_path = recorder, pg_temp as $$
    select log, origin, tenant, size, frontier, floor(random() * size)::bigint
    from recorder.head, generate_series(1, at_most) where size > 0 and tenant <> '' order by random() limit at_most
$$;
revoke all on function recorder.overdue(timestamptz, int), recorder.kept_logs(), recorder.damaged_logs(),
    recorder.open_logs(), recorder.logs_by_lot(int) from public;
grant execute on function recorder.overdue(timestamptz, int), recorder.kept_logs(), recorder.damaged_logs(),
    recorder.open_logs(), recorder.logs_by_lot(int) to recorder;

create or replace function recorder.open_log(new_origin text, new_tenant text) returns void
    language plpgsql security definer set search_path = recorder, pg_temp as $$
declare
    new_log bigint;
begin
    if new_tenant is distinct from current_setting('magistrate.tenant', true)
        and not pg_has_role(session_user, current_user, 'usage') then
        raise exception 'a log is opened for the tenant of the session' using errcode = '42501';
    end if;
    insert into recorder.head (origin, tenant) values (new_origin, new_tenant)
    on conflict (origin) do nothing returning log into new_log;
    if new_log is not null then
        perform recorder.open_records(new_log);
        perform recorder.open_bodies(new_log);
    end if;
end $$;
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
        perform recorder.open_records(new_log);
        perform recorder.open_bodies(new_log);
    end if;
end $$;
drop function recorder.overdue(timestamptz, int), recorder.kept_logs(), recorder.damaged_logs(),
    recorder.open_logs(), recorder.logs_by_lot(int);
drop view recorder.searchable;
"""


def upgrade() -> None:
    """Set the policies."""
    for table in OWN:
        op.execute(OWN_POLICY.format(table=table))
    for table in OF_LOG:
        op.execute(LOG_POLICY.format(table=table))
    op.execute(KEY_POLICY)
    for table in FOR_PUBLISHER:
        op.execute(PUBLISHER_POLICY.format(table=table))
    for script in (SEARCH, FUNCTIONS):
        op.execute(script)


def downgrade() -> None:
    """Show the recorder all rows again."""
    op.execute(FORMER_FUNCTIONS)
    for table in FOR_PUBLISHER:
        op.execute(f"drop policy publisher on recorder.{table}")
    for table in (*OWN, *OF_LOG, "dek"):
        op.execute(f"drop policy tenant on recorder.{table}")
        op.execute(f"alter table recorder.{table} disable row level security")
