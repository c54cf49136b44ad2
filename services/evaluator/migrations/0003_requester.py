"""Note who asked: a packet is blanked when either the person it is about or who asked is erased."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
alter table evaluator.reviews add column requester_id text not null default '';
create index reviews_requester on evaluator.reviews (tenant, requester_id) where requester_id <> '';
grant update (requester_id) on evaluator.reviews to evaluator;
"""
DOWN = """
revoke update (requester_id) on evaluator.reviews from evaluator;
alter table evaluator.reviews drop column requester_id;
"""


def upgrade() -> None:
    """Add the column; packets of before are found by their decisions."""
    op.execute(UP)


def downgrade() -> None:
    """Remove it; what was erased stays erased."""
    op.execute(DOWN)
