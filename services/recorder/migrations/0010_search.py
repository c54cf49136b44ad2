"""Find records by time, kind and attribute in milliseconds, however long the log and however common what is looked for.

A log is searched in blocks of 4096 neighbouring records. What helps to find records is no evidence: it is made from
the records, and can be made again.
"""

from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

# Clocks go wrong, so an index on time does not give the order of the log. When the records of a block were made does.
BLOCKS = """
create table recorder.block (
    log      bigint      not null,
    number   bigint      not null,
    first_at timestamptz not null,
    last_at  timestamptz not null,
    primary key (log, number)
);
insert into recorder.block
select log, seq / 4096, min(recorded_at), max(recorded_at) from recorder.ev group by 1, 2;

alter table recorder.block enable row level security;
create policy tenant on recorder.block to recorder using (log in (select log from recorder.head));
revoke all on recorder.block from public;
grant select, insert on recorder.block to recorder;
grant update (first_at, last_at) on recorder.block to recorder;
"""

KINDS = "create index ev_kind on recorder.ev (kind, seq)"

# Every attribute, with and without its value, is found by the block that it is in: one that is common is not read to
# the end of the log for its first page. JSON may hold a zero character, which jsonb cannot: such a record is found by
# everything but its attributes.
FACTS = """
create function recorder.facts(envelope bytea, seq bigint) returns text[]
    language plpgsql immutable strict parallel safe cost 1000 as $$
declare
    block text := (seq / 4096)::text;
begin
    return array(select unnest(array[format('%s %s', block, key), format('%s %s=%s', block, key, value)])
                 from jsonb_each_text(convert_from(envelope, 'UTF8')::jsonb -> 'attributes'));
exception when others then
    return '{}';
end $$;
create index ev_facts on recorder.ev using gin (recorder.facts(envelope, seq)) where kind = 'DECISION';
drop index recorder.ev_attributes;
drop function recorder.attributes(bytea);
"""

FORMER_SEARCH = """
create function recorder.attributes(envelope bytea) returns jsonb
    language plpgsql immutable strict parallel safe as $$
begin
    return convert_from(envelope, 'UTF8')::jsonb -> 'attributes';
exception when others then
    return '{}';
end $$;
create index ev_attributes on recorder.ev using gin (recorder.attributes(envelope)) where kind = 'DECISION';
drop index recorder.ev_facts, recorder.ev_kind;
drop function recorder.facts(bytea, bigint);
drop table recorder.block;
"""

# A tenant whose log is damaged must keep nobody else's intents open.
OVERDUE = """
create function recorder.overdue(before timestamptz, at_most int, but text[])
    returns table (tenant text, intent text, decision_id text, opened_at timestamptz)
    language plpgsql stable security definer set search_path = recorder, pg_temp as $$
declare
    open record;
begin
    for open in select * from recorder.obligation o
                where o.opened_at < before and o.tenant <> all(but) order by o.opened_at limit at_most loop
        return query select open.tenant, open.ik, e.decision_id, open.opened_at
                     from recorder.ev e where e.log = open.log and e.seq = open.seq;
    end loop;
end $$;
revoke all on function recorder.overdue(timestamptz, int, text[]) from public;
grant execute on function recorder.overdue(timestamptz, int, text[]) to recorder;
drop function recorder.overdue(timestamptz, int);
"""
FORMER_OVERDUE = """
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
revoke all on function recorder.overdue(timestamptz, int) from public;
grant execute on function recorder.overdue(timestamptz, int) to recorder;
drop function recorder.overdue(timestamptz, int, text[]);
"""


def upgrade() -> None:
    """Add what finds records, made from those that are there."""
    for script in (BLOCKS, KINDS, FACTS, OVERDUE):
        op.execute(script)


def downgrade() -> None:
    """Look for records as before."""
    for script in (FORMER_SEARCH, FORMER_OVERDUE):
        op.execute(script)
