"""Create the evidence logs: append-only tables, fenced against their own service and its operators.

The fences keep honest mistakes out. They prove nothing, a superuser can lift them; the signed tree is the proof.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# No foreign keys: the publisher re-derives every root from the rows, which a row-by-row check could not do better.
TABLES = """
create table recorder.head (
    log      bigint generated always as identity primary key,
    origin   text   not null unique,
    tenant   text   not null,
    size     bigint not null default 0 check (size >= 0),
    frontier bytea  not null default ''
);
create index head_tenant on recorder.head (tenant, log);

create table recorder.ev (
    log         bigint      not null,
    seq         bigint      not null check (seq >= 0),
    ik          text        not null,
    leaf        bytea       not null check (octet_length(leaf) = 32),
    envelope    bytea       not null check (octet_length(envelope) < 4096),
    kind        text        not null,
    decision_id text        not null,
    content_type text       not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    primary key (log, seq),
    unique (log, ik)
);
create index ev_decision on recorder.ev (decision_id, log, seq) where decision_id <> '';

create table recorder.ev_body (
    log        bigint not null,
    seq        bigint not null,
    sealed     bytea  not null,
    subject_id text   not null,
    primary key (log, seq)
);

create table recorder.node (
    log    bigint   not null,
    level  smallint not null check (level % 8 = 0 and level > 0),
    number bigint   not null,
    hash   bytea    not null check (octet_length(hash) = 32),
    primary key (log, level, number)
);

create table recorder.checkpoint (
    log       bigint      not null,
    size      bigint      not null,
    root      bytea       not null check (octet_length(root) = 32),
    note      text        not null,
    signed_at timestamptz not null,
    primary key (log, size)
);
"""

FENCES = """
create function recorder.forbid() returns trigger language plpgsql as $$
begin
    raise exception 'evidence is append-only: % on % is forbidden', tg_op, tg_table_name using errcode = '42501';
end $$;

create function recorder.only_grow() returns trigger language plpgsql as $$
begin
    if new.size <= old.size or (new.log, new.origin, new.tenant) is distinct from (old.log, old.origin, old.tenant) then
        raise exception 'a log only grows: size % after %', new.size, old.size using errcode = '42501';
    end if;
    return new;
end $$;

create trigger only_grow before update on recorder.head for each row execute function recorder.only_grow();
create trigger keep before delete or truncate on recorder.head for each statement execute function recorder.forbid();
create trigger keep before update or delete or truncate on recorder.ev
    for each statement execute function recorder.forbid();
create trigger keep before update or delete or truncate on recorder.ev_body
    for each statement execute function recorder.forbid();
create trigger keep before update or delete or truncate on recorder.node
    for each statement execute function recorder.forbid();
create trigger keep before update or delete or truncate on recorder.checkpoint
    for each statement execute function recorder.forbid();
"""

GRANTS = """
revoke all on all tables in schema recorder from public;
grant usage on schema recorder to recorder;
grant select, insert on recorder.head, recorder.ev, recorder.ev_body, recorder.node, recorder.checkpoint to recorder;
grant update (size, frontier) on recorder.head to recorder;
"""


def upgrade() -> None:
    """Create tables, fences and the service's few rights."""
    for script in (TABLES, FENCES, GRANTS):
        op.execute(script)


def downgrade() -> None:
    """Remove everything, evidence included; only the owner of the database can."""
    op.execute("drop table recorder.head, recorder.ev, recorder.ev_body, recorder.node, recorder.checkpoint")
    op.execute("drop function recorder.forbid(), recorder.only_grow()")
    op.execute("revoke usage on schema recorder from recorder")
