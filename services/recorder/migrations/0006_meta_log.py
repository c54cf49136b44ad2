"""Give the deployment a log of its tenants' checkpoints, and keep what its witnesses have cosigned.

The publisher appends to this one log, by a function of the owner that can touch no other, and to no tenant's.
It comes after 0009: revisions keep their names, for databases stand at them.
"""

from alembic import op

revision = "0006"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
create table recorder.sighting (
    origin text   not null,
    size   bigint not null,
    seq    bigint not null,
    primary key (origin, size)
);
create trigger keep before update or delete or truncate on recorder.sighting
    for each statement execute function recorder.forbid();

create table recorder.witnessed (
    log          bigint      not null,
    size         bigint      not null,
    note         text        not null,
    witnessed_at timestamptz not null,
    primary key (log, size)
);
create trigger keep before update or delete or truncate on recorder.witnessed
    for each statement execute function recorder.forbid();
"""

# The tenant of the meta-log is nobody: no tenant can have an empty name.
FUNCTIONS = """
create function recorder.append_meta(meta_origin text, old_size bigint, new_size bigint, new_frontier bytea,
    keys text[], contents bytea[], levels smallint[], numbers bigint[], hashes bytea[]) returns boolean
    language plpgsql security definer set search_path = recorder, pg_temp as $$
declare
    meta bigint;
begin
    if not exists (select from head where origin = meta_origin) then
        perform set_config('magistrate.tenant', '', true);
        perform open_log(meta_origin, '');
    end if;
    update head set size = new_size, frontier = new_frontier
    where origin = meta_origin and tenant = '' and size = old_size and new_size = old_size + cardinality(contents)
    returning log into meta;
    if meta is null then
        return false;
    end if;
    insert into ev (log, seq, ik, leaf, envelope, kind, decision_id, content_type, occurred_at, recorded_at)
    select meta, old_size + r.n - 1, r.key, sha256('\\x00'::bytea || r.content), r.content, 'CHECKPOINT', '',
           'text/plain', now(), now()
    from unnest(keys, contents) with ordinality as r (key, content, n);
    insert into node (log, level, number, hash) select meta, r.* from unnest(levels, numbers, hashes) as r;
    insert into sighting (origin, size, seq)
    select split_part(r.key, ' ', 1), split_part(r.key, ' ', 2)::bigint, old_size + r.n - 1
    from unnest(keys) with ordinality as r (key, n) where r.key like '% %';
    return true;
end $$;
revoke all on function recorder.append_meta(text, bigint, bigint, bytea, text[], bytea[], smallint[], bigint[], bytea[])
    from public;
grant execute on function
    recorder.append_meta(text, bigint, bigint, bytea, text[], bytea[], smallint[], bigint[], bytea[]) to publisher;
"""

# The recorder sees no row of the meta-log, which names every tenant: it asks for what concerns one log.
READING = """
create function recorder.witnessed_checkpoint(of_log bigint)
    returns table (origin text, size bigint, root bytea, note text, signed_at timestamptz,
                   seq bigint, meta_size bigint, meta_note text)
    language sql stable security definer set search_path = recorder, pg_temp as $$
    select h.origin, c.size, c.root, c.note, c.signed_at, s.seq, w.size, w.note
    from (select * from recorder.witnessed order by log desc, size desc limit 1) w
    join recorder.head h on h.log = of_log and h.tenant = current_setting('magistrate.tenant', true)
    join recorder.sighting s on s.origin = h.origin and s.seq < w.size
    join recorder.checkpoint c on c.log = h.log and c.size = s.size
    order by s.size desc limit 1
$$;

create function recorder.meta_tile(tile_level int, tile_number bigint) returns table (hash bytea)
    language sql stable security definer set search_path = recorder, pg_temp as $$
    select hash from (
        select e.seq as place, e.leaf as hash from recorder.ev e
        where tile_level = 0 and e.seq >= tile_number * 256 and e.seq < (tile_number + 1) * 256
          and e.log = (select log from recorder.head where tenant = '' order by log desc limit 1)
        union all
        select n.number, n.hash from recorder.node n
        where n.level = tile_level * 8 and n.number >= tile_number * 256 and n.number < (tile_number + 1) * 256
          and n.log = (select log from recorder.head where tenant = '' order by log desc limit 1)
    ) hashes order by place
$$;
revoke all on function recorder.witnessed_checkpoint(bigint), recorder.meta_tile(int, bigint) from public;
grant execute on function recorder.witnessed_checkpoint(bigint), recorder.meta_tile(int, bigint) to recorder;
"""

GRANTS = """
revoke all on recorder.sighting, recorder.witnessed from public;
grant select on recorder.sighting, recorder.witnessed to publisher;
grant insert on recorder.witnessed to publisher;
"""


def upgrade() -> None:
    """Create what the meta-log needs beside a log."""
    for script in (TABLES, FUNCTIONS, READING, GRANTS):
        op.execute(script)


def downgrade() -> None:
    """Forget what was cosigned; the meta-log itself stays a log among the others."""
    op.execute("drop function recorder.append_meta")
    op.execute("drop function recorder.witnessed_checkpoint(bigint), recorder.meta_tile(int, bigint)")
    op.execute("drop table recorder.sighting, recorder.witnessed")
