"""Let a person's review packets go: whom a packet is about, and when its content was erased."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
alter table evaluator.reviews add column subject_id text not null default '', add column erased_at timestamptz;
create index reviews_subject on evaluator.reviews (tenant, subject_id) where subject_id <> '';
grant update (document, subject_id, erased_at) on evaluator.reviews to evaluator;
"""
DOWN = """
revoke update (document, subject_id, erased_at) on evaluator.reviews from evaluator;
alter table evaluator.reviews drop column subject_id, drop column erased_at;
"""


def upgrade() -> None:
    """Add the columns; a packet's content may be blanked, and never rewritten otherwise."""
    op.execute(UP)


def downgrade() -> None:
    """Remove them; what was erased stays erased."""
    op.execute(DOWN)
