"""Create budgets and holds: what a day has spent and promised, and the one function that changes either.

``router.book`` takes reservations and settlements in the order in which they came and writes them in one transaction.
It locks the counters first, in one order whoever comes, so that two batches never wait for each other in a circle.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BUDGET = """
    create table router.budget (
        tenant          text   not null,
        day             date   not null,
        scope           text   not null check (scope in ('tenant', 'user')),
        subject         text   not null,
        spent_micro_usd bigint not null default 0 check (spent_micro_usd >= 0),
        held_micro_usd  bigint not null default 0 check (held_micro_usd >= 0),
        spent_tokens    bigint not null default 0 check (spent_tokens >= 0),
        held_tokens     bigint not null default 0 check (held_tokens >= 0),
        requests        bigint not null default 0 check (requests >= 0),
        primary key (tenant, day, scope, subject)
    ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
"""
_HOLD = """
    create table router.hold (
        call_id       text        primary key,
        tenant        text        not null,
        subject       text        not null,
        decision_id   text        not null,
        day           date        not null,
        tries         jsonb       not null,
        micro_usd     bigint      not null check (micro_usd >= 0),
        tokens        bigint      not null check (tokens >= 0),
        started_at    timestamptz not null,
        expires_at    timestamptz not null,
        claimed_until timestamptz not null default '-infinity'
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
"""
_COLUMNS = """
    alter table router.spend
        add column day date, add column first_token_after interval, add column key_fingerprint text not null default ''
"""
_OUTCOMES = "check (outcome in ('won', 'failed', 'cancelled', 'unknown'))"

# Greedy in the order of the tries: the first that fits is taken, then each further one that fits beside it. Something
# free fits always. ``least`` passes over a limit that is null, which is none.
_RESERVE = """
    create function router.reserve(item jsonb) returns jsonb language plpgsql as $$
    declare
        asked      record;
        tenants    router.budget;
        users      router.budget;
        found_hold router.hold;
        room       bigint;
        token_room bigint;
        candidate  record;
        taken      jsonb  := '[]';
        sum_usd    bigint := 0;
        sum_tokens bigint := 0;
        refusal    jsonb;
    begin
        select * into asked from jsonb_to_record(item) as r (
            call_id text, tenant text, subject text, decision_id text, day date, started_at timestamptz,
            hold_s double precision, tries jsonb,
            tenant_micro_usd bigint, tenant_tokens bigint, tenant_requests bigint,
            user_micro_usd bigint, user_tokens bigint, user_requests bigint);
        select * into tenants from router.budget b
            where b.tenant = asked.tenant and b.day = asked.day and b.scope = 'tenant' and b.subject = '';
        select * into users from router.budget b
            where b.tenant = asked.tenant and b.day = asked.day and b.scope = 'user' and b.subject = asked.subject;
        room := least(asked.tenant_micro_usd - tenants.spent_micro_usd - tenants.held_micro_usd,
                      asked.user_micro_usd - users.spent_micro_usd - users.held_micro_usd);
        token_room := least(asked.tenant_tokens - tenants.spent_tokens - tenants.held_tokens,
                            asked.user_tokens - users.spent_tokens - users.held_tokens);

        -- The same reservation again, its first answer having been lost on the way.
        select * into found_hold from router.hold h where h.call_id = asked.call_id;
        if found then
            return jsonb_build_object('taken', (select jsonb_agg(t -> 'provider')
                from jsonb_array_elements(found_hold.tries) t),
                'tenant_room', asked.tenant_micro_usd - tenants.spent_micro_usd - tenants.held_micro_usd,
                'tenant_held', tenants.held_micro_usd, 'room', room);
        end if;

        select jsonb_build_object('scope', l.scope, 'dimension', l.dimension, 'limit', l.most,
                                  'remaining', greatest(l.most - l.used, 0)) into refusal
        from (values
            (1, 'tenant', 'requests', asked.tenant_requests, tenants.requests),
            (2, 'user', 'requests', asked.user_requests, users.requests)
        ) as l (place, scope, dimension, most, used) where l.used >= l.most order by l.place limit 1;
        if refusal is not null then
            return jsonb_build_object('refused', refusal, 'room', room,
                'tenant_room', asked.tenant_micro_usd - tenants.spent_micro_usd - tenants.held_micro_usd);
        end if;

        for candidate in
            select t as entry, (t ->> 'micro_usd')::bigint as micro_usd, (t ->> 'tokens')::bigint as tokens
            from jsonb_array_elements(asked.tries) with ordinality as a (t, place) order by a.place
        loop
            if (room is null or candidate.micro_usd <= greatest(room - sum_usd, 0))
               and (token_room is null or candidate.tokens <= greatest(token_room - sum_tokens, 0)) then
                taken := taken || jsonb_build_array(candidate.entry);
                sum_usd := sum_usd + candidate.micro_usd;
                sum_tokens := sum_tokens + candidate.tokens;
            end if;
        end loop;

        if taken = '[]' then
            -- Of what the first try needs, the first that is not there.
            select jsonb_build_object('scope', l.scope, 'dimension', l.dimension, 'limit', l.most,
                                      'remaining', greatest(l.most - l.used, 0)) into refusal
            from (values
                (1, 'tenant', 'micro_usd', asked.tenant_micro_usd, tenants.spent_micro_usd + tenants.held_micro_usd,
                    (asked.tries -> 0 ->> 'micro_usd')::bigint),
                (2, 'user', 'micro_usd', asked.user_micro_usd, users.spent_micro_usd + users.held_micro_usd,
                    (asked.tries -> 0 ->> 'micro_usd')::bigint),
                (3, 'tenant', 'tokens', asked.tenant_tokens, tenants.spent_tokens + tenants.held_tokens,
                    (asked.tries -> 0 ->> 'tokens')::bigint),
                (4, 'user', 'tokens', asked.user_tokens, users.spent_tokens + users.held_tokens,
                    (asked.tries -> 0 ->> 'tokens')::bigint)
            ) as l (place, scope, dimension, most, used, need)
            where l.most is not null and l.need > greatest(l.most - l.used, 0) order by l.place limit 1;
            return jsonb_build_object('refused', refusal, 'room', room,
                'tenant_room', asked.tenant_micro_usd - tenants.spent_micro_usd - tenants.held_micro_usd);
        end if;

        update router.budget b
            set held_micro_usd = b.held_micro_usd + sum_usd, held_tokens = b.held_tokens + sum_tokens,
                requests = b.requests + 1
            where b.tenant = asked.tenant and b.day = asked.day
              and ((b.scope = 'tenant' and b.subject = '') or (b.scope = 'user' and b.subject = asked.subject));
        insert into router.hold values (
            asked.call_id, asked.tenant, asked.subject, asked.decision_id, asked.day, taken, sum_usd, sum_tokens,
            asked.started_at, clock_timestamp() + make_interval(secs => asked.hold_s));
        return jsonb_build_object(
            'taken', (select jsonb_agg(t -> 'provider') from jsonb_array_elements(taken) t),
            'room', room - sum_usd, 'tenant_held', tenants.held_micro_usd + sum_usd,
            'tenant_room',
                asked.tenant_micro_usd - tenants.spent_micro_usd - tenants.held_micro_usd - sum_usd);
    end
    $$
"""

# A try is booked once: while its provider is open in the hold, or where there is no hold and no row of the call, for
# then a server that lost commits forgot the hold, and what was spent must be written all the same.
_SETTLE = """
    create function router.settle(item jsonb) returns jsonb language plpgsql as $$
    declare
        told         record;
        held         router.hold;
        is_held      boolean;
        kept         jsonb;
        kept_usd     bigint;
        kept_tokens  bigint;
        used_usd     bigint;
        used_tokens  bigint;
        booked       integer;
    begin
        select * into told from jsonb_to_record(item) as r (
            call_id text, tenant text, subject text, decision_id text, day date, attempts jsonb, open jsonb,
            void boolean);
        select * into held from router.hold h where h.call_id = told.call_id for update;
        is_held := found;
        if not is_held and exists (select from router.spend s where s.call_id = told.call_id) then
            return jsonb_build_object('booked', 0);
        end if;
        with written as (
            insert into router.spend as s (
                call_id, attempt, tenant, subject, decision_id, day, provider, model, outcome, reason, input_tokens,
                output_tokens, estimated, micro_usd, started_at, first_token_after, duration, key_fingerprint)
            select told.call_id, a.attempt, told.tenant, told.subject, told.decision_id, told.day, a.provider, a.model,
                   a.outcome, a.reason, a.input_tokens, a.output_tokens, a.estimated, a.micro_usd, a.started_at,
                   a.first_token_after, a.duration, a.key_fingerprint
            from jsonb_to_recordset(told.attempts) as a (
                attempt integer, provider text, model text, outcome text, reason text, input_tokens integer,
                output_tokens integer, estimated boolean, micro_usd bigint, started_at timestamptz,
                first_token_after interval, duration interval, key_fingerprint text)
            where not is_held
               or exists (select from jsonb_array_elements(held.tries) t where t ->> 'provider' = a.provider)
            on conflict (call_id, attempt) do nothing
            returning s.micro_usd, s.input_tokens::bigint + s.output_tokens as tokens
        )
        select coalesce(sum(w.micro_usd), 0), coalesce(sum(w.tokens), 0), count(*)
            into used_usd, used_tokens, booked from written w;
        select coalesce(jsonb_agg(t), '[]'), coalesce(sum((t ->> 'micro_usd')::bigint), 0),
               coalesce(sum((t ->> 'tokens')::bigint), 0)
            into kept, kept_usd, kept_tokens
            from jsonb_array_elements(held.tries) t where told.open ? (t ->> 'provider');
        update router.budget b
            set spent_micro_usd = b.spent_micro_usd + used_usd,
                held_micro_usd = b.held_micro_usd - coalesce(held.micro_usd - kept_usd, 0),
                spent_tokens = b.spent_tokens + used_tokens,
                held_tokens = b.held_tokens - coalesce(held.tokens - kept_tokens, 0),
                requests = b.requests - (is_held and told.void)::integer
            where b.tenant = told.tenant and b.day = told.day
              and ((b.scope = 'tenant' and b.subject = '') or (b.scope = 'user' and b.subject = told.subject));
        if is_held and kept = '[]' then
            delete from router.hold h where h.call_id = told.call_id;
        elsif is_held then
            update router.hold h set tries = kept, micro_usd = kept_usd, tokens = kept_tokens
                where h.call_id = told.call_id;
        end if;
        return jsonb_build_object('booked', booked);
    end
    $$
"""

_BOOK = """
    create function router.book(items jsonb) returns setof jsonb language plpgsql as $$
    declare
        item jsonb;
    begin
        insert into router.budget (tenant, day, scope, subject)
            select distinct i.tenant, i.day, s.scope, case s.scope when 'user' then i.subject else '' end
            from jsonb_to_recordset(items) as i (tenant text, day date, subject text)
            cross join (values ('tenant'), ('user')) as s (scope)
            order by 1, 2, 3, 4
            on conflict do nothing;
        perform from router.budget b
            where (b.tenant, b.day, b.scope, b.subject) in (
                select i.tenant, i.day, s.scope, case s.scope when 'user' then i.subject else '' end
                from jsonb_to_recordset(items) as i (tenant text, day date, subject text)
                cross join (values ('tenant'), ('user')) as s (scope))
            order by b.tenant, b.day, b.scope, b.subject
            for update;
        for item in select i from jsonb_array_elements(items) with ordinality as a (i, place) order by place loop
            if item ? 'tries' then
                return next router.reserve(item);
            else
                return next router.settle(item);
            end if;
        end loop;
    end
    $$
"""

_STATEMENTS = (
    _BUDGET,
    _HOLD,
    "create index hold_expiry on router.hold (expires_at)",
    _COLUMNS,
    "update router.spend set day = (started_at at time zone 'utc')::date",
    "alter table router.spend alter column day set not null",
    f"alter table router.spend drop constraint spend_outcome_check, add constraint spend_outcome_check {_OUTCOMES}",
    "drop index router.spend_tenant_day",
    "create index spend_tenant_day on router.spend (tenant, day)",
    # What was spent before there were budgets counts as well.
    """
    insert into router.budget (tenant, day, scope, subject, spent_micro_usd, spent_tokens, requests)
    select tenant, day, 'tenant', '', sum(micro_usd), sum(input_tokens::bigint + output_tokens),
           count(distinct call_id)
    from router.spend group by tenant, day
    union all
    select tenant, day, 'user', subject, sum(micro_usd), sum(input_tokens::bigint + output_tokens),
           count(distinct call_id)
    from router.spend group by tenant, day, subject
    """,
    _RESERVE,
    _SETTLE,
    _BOOK,
    "grant select, insert, update on router.budget to router",
    "grant select, insert, update, delete on router.hold to router",
)


def upgrade() -> None:
    """Create tables and functions, and count what was spent before."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop budgets and holds; of the ledger only what revision 0001 cannot hold is lost."""
    for statement in (
        "drop function router.book(jsonb), router.settle(jsonb), router.reserve(jsonb)",
        "drop table router.hold, router.budget",
        "drop index router.spend_tenant_day",
        "create index spend_tenant_day on router.spend (tenant, started_at)",
        "update router.spend set outcome = 'unknown' where outcome = 'cancelled'",
        "alter table router.spend drop constraint spend_outcome_check",
        "alter table router.spend add check (outcome in ('won', 'failed', 'unknown'))",
        "alter table router.spend drop column day, drop column first_token_after, drop column key_fingerprint",
    ):
        op.execute(statement)
