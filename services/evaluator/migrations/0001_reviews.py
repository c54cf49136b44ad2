"""Create the review packets: what reviewers must look at, one row per decision that a trigger fired for."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
create table evaluator.reviews (
    review_id    uuid             primary key,
    tenant       text             not null,
    decision_id  text             not null check (decision_id <> ''),
    domain       text             not null,
    severity_0_3 double precision not null check (severity_0_3 between 0 and 3),
    triggers     text[]           not null check (cardinality(triggers) > 0),
    verdict      text             not null,
    audit_hash   text             not null check (audit_hash ~ '^[0-9a-f]{64}$'),
    document     json             not null,
    state        text             not null default 'open' check (state in ('open', 'closed', 'quarantined')),
    created_at   timestamptz      not null default now()
);
create index reviews_queue on evaluator.reviews (tenant, state, created_at, review_id);
create index reviews_decision on evaluator.reviews (tenant, decision_id);
"""

# `json`, not `jsonb`: the text is kept byte for byte, and a NUL that a critic quoted is no error.
# A packet's content is never rewritten: a review changes only where the packet stands.
GRANTS = """
revoke all on all tables in schema evaluator from public;
grant usage on schema evaluator to evaluator;
grant select, insert on evaluator.reviews to evaluator;
grant update (state) on evaluator.reviews to evaluator;
"""


def upgrade() -> None:
    """Create the table and the service's few rights."""
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    """Remove every review packet."""
    op.execute("drop table evaluator.reviews")
    op.execute("revoke usage on schema evaluator from evaluator")
