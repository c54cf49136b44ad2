"""Create the spend ledger: one row for each try at a provider, which the service may add and read but never change."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SPEND = """
    create table router.spend (
        call_id       text        not null,
        attempt       integer     not null check (attempt >= 1),
        tenant        text        not null,
        subject       text        not null,
        decision_id   text        not null,
        provider      text        not null,
        model         text        not null,
        outcome       text        not null check (outcome in ('won', 'failed', 'unknown')),
        reason        text        not null,
        input_tokens  integer     not null check (input_tokens >= 0),
        output_tokens integer     not null check (output_tokens >= 0),
        estimated     boolean     not null,
        micro_usd     bigint      not null check (micro_usd >= 0),
        started_at    timestamptz not null,
        duration      interval    not null,
        primary key (call_id, attempt)
    )
"""
_STATEMENTS = (
    "create schema if not exists router",
    _SPEND,
    # A tenant's day is what budgets and summaries ask for.
    "create index spend_tenant_day on router.spend (tenant, started_at)",
    "create index spend_decision on router.spend (decision_id) where decision_id <> ''",
    "revoke all on schema router from public",
    "grant usage on schema router to router",
    "grant select, insert on router.spend to router",
)


def upgrade() -> None:
    """Create the table and grant the service's role what it needs and no more."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the ledger with its content."""
    op.execute("drop table router.spend")
    op.execute("revoke usage on schema router from router")
